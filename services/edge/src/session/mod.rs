//! A client's session: its handles, and since when it has been silent.

pub mod action;
pub mod client;
pub mod handle;
mod snapshot;

use crate::session::action::Action;
use crate::session::handle::{Handle, REQUEST_TIMEOUT, detached_event, release_handle};
use bus::message::{Address, Change, Events, LegRef};
use common::{BackendName, MessageId, ServiceId};
use protocol::{HandleId, HandleRef, SessionId};
use std::collections::BTreeMap;
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
    /// What a claim must show the same of.
    pub token_digest: Option<String>,
    /// Boxed, for a map has room for eleven, and most sessions have one.
    handles: BTreeMap<HandleId, Box<Handle>>,
    /// Detached handles whose clients are told so when their names are free.
    detaching: BTreeMap<HandleId, Detaching>,
}

/// A handle that is detached.
#[derive(Debug)]
struct Detaching {
    /// The message that asks for its name to be freed.
    release: MessageId,
    /// When the client is told anyway.
    deadline: Instant,
}

impl Session {
    /// A session without handles.
    pub fn new(id: SessionId, token_digest: Option<String>, now: Instant) -> Self {
        Self { id, last_request: now, token_digest, handles: BTreeMap::new(), detaching: BTreeMap::new() }
    }

    /// Adds a handle; none when there are too many.
    pub fn attach(&mut self, edge: &ServiceId) -> Option<HandleId> {
        if self.handles.len() >= MAX_HANDLES {
            return None;
        }
        let handle = HandleId::random();
        let address = Address { edge: edge.clone(), session: self.id, handle };
        self.handles.insert(handle, Box::new(Handle::new(address)));
        Some(handle)
    }

    /// A handle of this session.
    pub fn handle(&mut self, handle: HandleId) -> Option<&mut Handle> {
        self.handles.get_mut(&handle).map(Box::as_mut)
    }

    /// Detaches a handle: for its client it does not exist any more.
    pub fn detach(&mut self, handle: HandleId, transaction: &str, now: Instant, acts: &mut Vec<Action>) {
        let release = self.handles.remove(&handle).and_then(|gone| gone.on_detach(transaction, acts));
        if let Some(release) = release {
            self.detaching.insert(handle, Detaching { release, deadline: now + REQUEST_TIMEOUT });
        }
    }

    /// What a router says of a handle that is detached; false when it is about something else. One
    /// that is still here was detached where the session was before.
    pub fn on_released(&mut self, events: &Events, acts: &mut Vec<Action>) -> bool {
        let departing = self.detaching.get(&events.handle).map(|departing| departing.release);
        let was_here =
            || events.change == Some(Change::Released) && self.handles.contains_key(&events.handle);
        let is_free = departing.map_or_else(was_here, |release| events.in_reply_to == Some(release));
        if is_free {
            self.detaching.remove(&events.handle);
            self.handles.remove(&events.handle);
            acts.push(detached_event(HandleRef { session: self.id, handle: events.handle }));
        }
        is_free
    }

    /// The calls that its handles are in.
    pub fn legs(&self) -> Vec<(HandleId, LegRef, BackendName)> {
        let leg = |id: &HandleId, handle: &Handle| handle.leg().map(|(leg, backend)| (*id, leg, backend));
        self.handles.iter().filter_map(|(id, handle)| leg(id, handle)).collect()
    }

    /// The handles that routers may know, with their names.
    pub fn names(&self) -> Vec<(HandleId, Option<String>)> {
        let known = self.handles.iter().filter(|(_, handle)| handle.is_recorded());
        known.map(|(id, handle)| (*id, handle.username().map(str::to_owned))).collect()
    }

    /// The session is over: everything its handles had is given back.
    pub fn end(self, acts: &mut Vec<Action>) {
        for handle in self.handles.into_values() {
            handle.on_destroy(acts);
        }
    }

    /// When something of a handle is due.
    pub fn due(&self) -> Option<Instant> {
        let departing = self.detaching.values().map(|departing| departing.deadline);
        self.handles.values().filter_map(|handle| handle.due()).chain(departing).min()
    }

    /// Does what is due.
    pub fn on_timer(&mut self, now: Instant, acts: &mut Vec<Action>) {
        for handle in self.handles.values_mut() {
            handle.on_timer(now, acts);
        }
        for (handle, _) in self.detaching.extract_if(.., |_, departing| departing.deadline <= now) {
            let who = HandleRef { session: self.id, handle };
            // The edge that asked for its name to be freed may have died before it could.
            acts.push(release_handle(who, None).1);
            acts.push(detached_event(who));
        }
    }
}
