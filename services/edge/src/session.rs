//! A client's session: its handles, and since when it has been silent.

use crate::act::Act;
use crate::handle::{Handle, PATIENCE, detached};
use bus::message::{Address, Events};
use protocol::{HandleId, HandleRef, MessageId, ServiceId, SessionId};
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
    /// Detached handles whose clients are told so when their names are free.
    departing: HashMap<HandleId, Departing>,
}

/// A handle that is detached.
#[derive(Debug)]
struct Departing {
    /// The message that asks for its name to be freed.
    release: MessageId,
    /// When the client is told anyway.
    until: Instant,
}

impl Session {
    /// A session without handles.
    pub fn new(id: SessionId, now: Instant) -> Self {
        Self { id, last_request: now, handles: HashMap::new(), departing: HashMap::new() }
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

    /// Detaches a handle: for its client it does not exist any more.
    pub fn detach(&mut self, handle: HandleId, transaction: &str, now: Instant, acts: &mut Vec<Act>) {
        let release = self.handles.remove(&handle).and_then(|gone| gone.on_detach(transaction, acts));
        if let Some(release) = release {
            self.departing.insert(handle, Departing { release, until: now + PATIENCE });
        }
    }

    /// What a router says of a handle that is detached; false when it is about something else.
    pub fn on_released(&mut self, events: &Events, acts: &mut Vec<Act>) -> bool {
        let departing = self.departing.get(&events.handle).map(|departing| departing.release);
        let is_free = departing.is_some() && departing == events.answers;
        if is_free {
            self.departing.remove(&events.handle);
            acts.push(detached(HandleRef { session: self.id, handle: events.handle }));
        }
        is_free
    }

    /// The session is over: everything its handles had is given back.
    pub fn end(self, acts: &mut Vec<Act>) {
        for handle in self.handles.into_values() {
            handle.leave(acts);
        }
    }

    /// When something of a handle is due.
    pub fn due(&self) -> Option<Instant> {
        let departing = self.departing.values().map(|departing| departing.until);
        self.handles.values().filter_map(Handle::due).chain(departing).min()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Instant, acts: &mut Vec<Act>) {
        for handle in self.handles.values_mut() {
            handle.on_time(now, acts);
        }
        for (handle, _) in self.departing.extract_if(|_, departing| departing.until <= now) {
            acts.push(detached(HandleRef { session: self.id, handle }));
        }
    }
}
