//! Which connection of this edge has which session, and the way to it.
//!
//! What lies in an inbox is still in the edge's mailbox, which bounds all inboxes together. A
//! connection that finds more than [`INBOX`] messages in its own is too far behind: its socket is
//! closed as slow, and its sessions wait to be claimed.

use crate::session::Session;
use bus::ack_tracker::AckGuard;
use bus::message::Events;
use common::ServiceId;
use protocol::SessionId;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{mpsc, oneshot};

/// How many messages may wait for a connection.
pub const MAX_INBOX: usize = 512;

/// What another task of the edge says to a connection.
pub enum Inbound {
    /// Events for a handle of one of its sessions.
    Events(Events, AckGuard),
    /// Another connection claims a session.
    SurrenderToConnection(SessionId, oneshot::Sender<SurrenderedSession>),
    /// Another edge claims a session.
    SurrenderToEdge(SessionId, ServiceId),
    /// Another edge has taken a session.
    Lost(SessionId),
    /// An operator ends a session.
    Disconnect(SessionId, AckGuard),
    /// The directory may have lost a session: all of it is to be written down again.
    PersistAgain(SessionId),
    /// The directory had lost a session: names and calls may be lost too.
    Restore(SessionId),
}

/// A session that changes hands, with what its client has not heard yet.
pub struct SurrenderedSession {
    /// The session.
    pub session: Session,
    /// What it is to hear first.
    pub backlog: Vec<Arc<str>>,
    /// For what has reached it and is not written down yet.
    pub ack_guards: Vec<AckGuard>,
}

/// The way to a connection. What travels is boxed, for an idle inbox has room for many.
#[derive(Clone)]
pub struct InboxSender(mpsc::UnboundedSender<Box<Inbound>>);

impl InboxSender {
    /// A way, and its end.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Box<Inbound>>) {
        let (sender, inbox) = mpsc::unbounded_channel();
        (Self(sender), inbox)
    }

    /// Says something to the connection; returned when that is gone.
    pub fn send(&self, what: Inbound) -> Result<(), Box<Inbound>> {
        self.0.send(Box::new(what)).map_err(|gone| gone.0)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

/// A session's place.
struct SessionEntry {
    sender: InboxSender,
    /// What whoever claims it must show the same of.
    token_digest: Option<String>,
    /// It is still another edge's.
    pending_takeover: bool,
}

/// All sessions of an edge.
#[derive(Default)]
pub struct Registry {
    entries: RwLock<BTreeMap<SessionId, SessionEntry>>,
}

impl Registry {
    /// The session is at this connection now.
    pub fn insert(&self, session: SessionId, route: InboxSender, proof: Option<String>) {
        self.write()
            .insert(session, SessionEntry { sender: route, token_digest: proof, pending_takeover: false });
    }

    /// A session is about to come to this connection from another edge; false for one that is here or
    /// comes already.
    pub fn reserve(&self, session: SessionId, route: InboxSender, proof: Option<String>) -> bool {
        match self.write().entry(session) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(SessionEntry { sender: route, token_digest: proof, pending_takeover: true });
                true
            }
        }
    }

    /// Like [`set`](Self::set), but only for a session that is somewhere already, if `may` says so of
    /// its proof; returns where it was.
    pub fn take_over(
        &self,
        session: SessionId,
        route: InboxSender,
        may: impl FnOnce(Option<&str>) -> bool,
    ) -> TakeOver {
        match self.write().get_mut(&session) {
            None => TakeOver::Unknown,
            Some(place) if !may(place.token_digest.as_deref()) => TakeOver::Refused,
            Some(place) => TakeOver::From(std::mem::replace(&mut place.sender, route)),
        }
    }

    /// The session has come from another edge.
    pub fn complete_takeover(&self, session: SessionId) {
        if let Some(place) = self.write().get_mut(&session) {
            place.pending_takeover = false;
        }
    }

    /// Whether the session is here, and not only coming.
    pub fn has_arrived(&self, session: SessionId) -> bool {
        self.read().get(&session).is_some_and(|place| !place.pending_takeover)
    }

    /// Where the session is.
    pub fn get(&self, session: SessionId) -> Option<InboxSender> {
        self.read().get(&session).map(|place| place.sender.clone())
    }

    /// What whoever claims the session must show the same of; none for a session that is not here.
    pub fn token_digest(&self, session: SessionId) -> Option<Option<String>> {
        self.read().get(&session).map(|place| place.token_digest.clone())
    }

    /// The session is not here any more; returns where it was.
    pub fn remove(&self, session: SessionId) -> Option<InboxSender> {
        self.write().remove(&session).map(|place| place.sender)
    }

    /// The session is not at this connection any more.
    pub fn remove_if_owner(&self, session: SessionId, route: &InboxSender) {
        let mut places = self.write();
        if places.get(&session).is_some_and(|place| place.sender.is_same(route)) {
            places.remove(&session);
        }
    }

    /// Every session and where it is.
    pub fn all(&self) -> Vec<(SessionId, InboxSender)> {
        self.read().iter().map(|(session, place)| (*session, place.sender.clone())).collect()
    }

    /// How many sessions there are.
    pub fn count(&self) -> usize {
        self.read().len()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<SessionId, SessionEntry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<SessionId, SessionEntry>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a connection may have a session.
pub enum TakeOver {
    /// It has it now, and it was here before.
    From(InboxSender),
    /// It has not shown what it must.
    Refused,
    /// There is no such session on this edge.
    Unknown,
}
