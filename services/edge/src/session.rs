//! A client's session: its handles, and since when it has been silent.

use crate::act::Act;
use crate::handle::Handle;
use bus::message::Address;
use protocol::{HandleId, ServiceId, SessionId};
use std::collections::HashMap;
use tokio::time::Instant;

/// How many handles a session may have.
const MAX_HANDLES: usize = 64;

/// The state of a session. It moves as a whole when another socket claims it.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// When its client last asked for anything.
    pub last_request: Instant,
    handles: HashMap<HandleId, Handle>,
}

impl Session {
    /// A session without handles.
    pub fn new(id: SessionId, now: Instant) -> Self {
        Self { id, last_request: now, handles: HashMap::new() }
    }

    /// Adds a handle; none when there are too many.
    pub fn attach(&mut self, edge: &ServiceId) -> Option<HandleId> {
        if self.handles.len() >= MAX_HANDLES {
            return None;
        }
        let handle = HandleId::random();
        let address = Address { edge: edge.clone(), session: self.id, handle };
        self.handles.insert(handle, Handle::new(address));
        Some(handle)
    }

    /// A handle of this session.
    pub fn handle(&mut self, handle: HandleId) -> Option<&mut Handle> {
        self.handles.get_mut(&handle)
    }

    /// Takes a handle out.
    pub fn detach(&mut self, handle: HandleId) -> Option<Handle> {
        self.handles.remove(&handle)
    }

    /// The session is over: everything its handles had is given back.
    pub fn end(self, acts: &mut Vec<Act>) {
        for handle in self.handles.into_values() {
            handle.leave(acts);
        }
    }

    /// When something of a handle is due.
    pub fn due(&self) -> Option<Instant> {
        self.handles.values().filter_map(Handle::due).min()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Instant, acts: &mut Vec<Act>) {
        for handle in self.handles.values_mut() {
            handle.on_time(now, acts);
        }
    }
}
