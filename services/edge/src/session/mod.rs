//! Sessions and their handles: pure state machines without sockets, bus or clock.

pub mod action;
pub mod client;
pub mod handle;

use action::Cx;
use bus::message::{Address, Change, Events, LegRef};
use common::{BackendName, MessageId, ServiceId};
use handle::snapshot::{ClockPair, HandleSnapshot};
use handle::{Handle, REQUEST_TIMEOUT};
use protocol::{HandleId, HandleRef, SessionId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// A client's session. It moves as a whole when another connection claims it.
#[derive(Debug)]
pub struct Session {
    pub id: SessionId,
    pub last_request: Instant,
    /// A claim must come with the same token.
    pub token_digest: Option<String>,
    /// Boxed, because a map node has room for eleven, and most sessions have one handle.
    handles: BTreeMap<HandleId, Box<Handle>>,
    /// Handles that are detached and whose names a router has not released yet.
    detaching: BTreeMap<HandleId, Detaching>,
}

#[derive(Debug)]
struct Detaching {
    /// The request to release the name.
    release: MessageId,
    /// When the client gets `detached` in any case.
    deadline: Instant,
}

impl Session {
    pub fn new(id: SessionId, token_digest: Option<String>, now: Instant) -> Self {
        Self { id, last_request: now, token_digest, handles: BTreeMap::new(), detaching: BTreeMap::new() }
    }

    /// How many handles there are, with those that are detached and not released yet.
    pub fn handle_count(&self) -> usize {
        self.handles.len() + self.detaching.len()
    }

    /// The bytes that wait on the handles.
    pub fn held_bytes(&self) -> usize {
        self.handles.values().map(|handle| handle.held_bytes()).sum()
    }

    /// Adds a handle.
    pub fn attach(&mut self, edge: &ServiceId) -> HandleId {
        let handle = HandleId::random();
        let address = Address { edge: edge.clone(), session: self.id, handle };
        self.handles.insert(handle, Box::new(Handle::new(address)));
        handle
    }

    pub fn handle(&mut self, handle: HandleId) -> Option<&mut Handle> {
        self.handles.get_mut(&handle).map(Box::as_mut)
    }

    /// Detaches a handle: for its client it does not exist any more.
    pub fn detach(&mut self, handle: HandleId, transaction: &str, cx: &mut Cx) {
        let release = self.handles.remove(&handle).and_then(|detached| detached.on_detach(transaction, cx));
        if let Some(release) = release {
            self.detaching.insert(handle, Detaching { release, deadline: cx.now + REQUEST_TIMEOUT });
        }
    }

    /// Handles the events that report the release of a handle; false for other events. A handle that is still attached
    /// here was detached on a former edge.
    pub fn on_released(&mut self, events: &Events, cx: &mut Cx) -> bool {
        let is_released = match self.detaching.get(&events.handle) {
            Some(detaching) => events.in_reply_to == Some(detaching.release),
            None => events.change == Some(Change::Released) && self.handles.contains_key(&events.handle),
        };
        if is_released {
            self.detaching.remove(&events.handle);
            self.handles.remove(&events.handle);
            cx.send_detached(HandleRef { session: self.id, handle: events.handle });
        }
        is_released
    }

    /// The handles that are in a call.
    pub fn legs(&self) -> Vec<(HandleId, LegRef, BackendName)> {
        let leg = |id: &HandleId, handle: &Handle| handle.leg().map(|(leg, backend)| (*id, leg, backend));
        self.handles.iter().filter_map(|(id, handle)| leg(id, handle)).collect()
    }

    /// The handles that routers may have a record of, with their names.
    pub fn names(&self) -> Vec<(HandleId, Option<String>)> {
        let recorded = self.handles.iter().filter(|(_, handle)| handle.is_recorded());
        recorded.map(|(id, handle)| (*id, handle.username().map(str::to_owned))).collect()
    }

    /// Ends the session and releases its handles.
    pub fn end(self, cx: &mut Cx) {
        for handle in self.handles.into_values() {
            handle.on_destroy(cx);
        }
    }

    pub fn next_timer(&self) -> Option<Instant> {
        let detaching = self.detaching.values().map(|detaching| detaching.deadline);
        self.handles.values().filter_map(|handle| handle.next_timer()).chain(detaching).min()
    }

    pub fn on_timer(&mut self, cx: &mut Cx) {
        for handle in self.handles.values_mut() {
            handle.on_timer(cx);
        }
        let now = cx.now;
        for (handle, _) in self.detaching.extract_if(.., |_, detaching| detaching.deadline <= now) {
            let handle = HandleRef { session: self.id, handle };
            // Again: an edge that died may not have sent the first one.
            cx.publish_release(handle, None);
            cx.send_detached(handle);
        }
    }
}

/// The serialised form of a session, as the directory stores it. The rest service shows the ids of the `handles`.
#[derive(Serialize, Deserialize)]
struct SessionSnapshot<'a> {
    token_digest: Cow<'a, Option<String>>,
    handles: BTreeMap<HandleId, HandleSnapshot<'a>>,
    detaching: BTreeMap<HandleId, DetachingSnapshot>,
}

#[derive(Serialize, Deserialize)]
struct DetachingSnapshot {
    release: MessageId,
    /// The deadline in unix milliseconds.
    deadline: u64,
}

impl Session {
    /// The whole session as JSON.
    pub fn snapshot(&self, now: Instant, unix_ms: u64) -> String {
        let clock = ClockPair { now, unix_ms };
        let detaching = |detaching: &Detaching| DetachingSnapshot {
            release: detaching.release,
            deadline: clock.to_unix_ms(detaching.deadline),
        };
        let snapshot = SessionSnapshot {
            token_digest: Cow::Borrowed(&self.token_digest),
            handles: self.handles.iter().map(|(id, handle)| (*id, handle.snapshot(clock))).collect(),
            detaching: self.detaching.iter().map(|(id, handle)| (*id, detaching(handle))).collect(),
        };
        protocol::raw(&snapshot).get().to_owned()
    }

    /// Restores a session on the edge that owns it now. The takeover counts as a request of its client.
    ///
    /// # Errors
    /// When `state` is not what [`snapshot`](Self::snapshot) returns.
    pub fn restore(
        state: &str,
        id: SessionId,
        edge: &ServiceId,
        now: Instant,
        unix_ms: u64,
    ) -> serde_json::Result<Self> {
        let clock = ClockPair { now, unix_ms };
        let snapshot: SessionSnapshot<'_> = serde_json::from_str(state)?;
        let mut handles = BTreeMap::new();
        for (handle, stored) in snapshot.handles {
            let address = Address { edge: edge.clone(), session: id, handle };
            handles.insert(handle, Box::new(Handle::restore(stored, address, clock)));
        }
        let mut detaching = BTreeMap::new();
        for (handle, DetachingSnapshot { release, deadline }) in snapshot.detaching {
            detaching.insert(handle, Detaching { release, deadline: clock.to_instant(deadline) });
        }
        Ok(Self {
            id,
            last_request: now,
            token_digest: snapshot.token_digest.into_owned(),
            handles,
            detaching,
        })
    }
}
