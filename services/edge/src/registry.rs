//! Which connection of this edge has which session.
//!
//! The messages in an inbox are also in the edge's mailbox, which bounds all inboxes together. A connection with more
//! than [`MAX_INBOX`] messages or [`MAX_INBOX_BYTES`] is too slow: its socket is dropped, and its sessions wait to be claimed.

use crate::message_size;
use crate::session::Session;
use bus::ack_tracker::AckGuard;
use bus::message::Events;
use common::ServiceId;
use common::sync::Mutex;
use protocol::SessionId;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// How many messages may wait for a connection, and how many bytes.
const MAX_INBOX: usize = 512;
const MAX_INBOX_BYTES: usize = 2 << 20;

/// What another task of the edge sends to a connection.
pub enum Inbound {
    /// Events for a handle of one of its sessions.
    Events(Events, AckGuard),
    /// Another connection claims a session.
    SurrenderToConnection(SessionId, oneshot::Sender<SurrenderedSession>),
    /// Another edge claims a session.
    SurrenderToEdge(SessionId, ServiceId),
    /// Another edge owns a session.
    Lost(SessionId),
    /// An operator ends a session.
    Disconnect(SessionId, AckGuard),
    /// The directory may have lost a session: store all of it again.
    PersistAgain(SessionId),
    /// The directory had lost a session, and may have lost its names and calls too.
    Restore(SessionId),
}

/// A session that moves from one connection to another.
pub struct SurrenderedSession {
    pub session: Session,
    /// The messages that its client has not received.
    pub backlog: Vec<Arc<str>>,
    /// Guards of the messages whose effect is not stored yet.
    pub ack_guards: Vec<AckGuard>,
}

/// The sender of a connection's inbox. Messages are boxed, because each inbox allocates room for many in advance.
#[derive(Clone)]
pub struct InboxSender {
    sender: mpsc::UnboundedSender<Box<Inbound>>,
    bytes: Arc<AtomicUsize>,
}

/// The inbox of a connection.
pub struct Inbox {
    receiver: mpsc::UnboundedReceiver<Box<Inbound>>,
    bytes: Arc<AtomicUsize>,
}

impl Inbox {
    pub async fn recv(&mut self) -> Option<Box<Inbound>> {
        self.receiver.recv().await
    }

    /// The connection handles events. Until then their bytes count.
    pub fn handled(&self, events: &Events) {
        self.bytes.fetch_sub(message_size::of_events(events), Ordering::Relaxed);
    }

    /// The bytes of the events that are not handled.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn is_full(&self) -> bool {
        self.receiver.len() > MAX_INBOX || self.bytes() > MAX_INBOX_BYTES
    }
}

impl InboxSender {
    pub fn new() -> (Self, Inbox) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let bytes = Arc::<AtomicUsize>::default();
        (Self { sender, bytes: bytes.clone() }, Inbox { receiver, bytes })
    }

    /// # Errors
    /// When the connection has ended; returns the message.
    pub fn send(&self, message: Inbound) -> Result<(), Box<Inbound>> {
        if let Inbound::Events(events, _) = &message {
            self.bytes.fetch_add(message_size::of_events(events), Ordering::Relaxed);
        }
        self.sender.send(Box::new(message)).map_err(|closed| closed.0)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.sender.same_channel(&other.sender)
    }
}

struct SessionEntry {
    owner: InboxSender,
    /// A claim must come with the same token.
    token_digest: Option<String>,
    /// Another edge still owns the session.
    pending_takeover: bool,
}

/// The sessions of an edge, with their connections.
#[derive(Default)]
pub struct Registry {
    entries: Mutex<BTreeMap<SessionId, SessionEntry>>,
}

/// The result of [`Registry::take_over`].
pub enum TakeOver {
    /// The session belongs to the new connection now, and belonged to this one.
    From(InboxSender),
    /// The token is wrong.
    Refused,
    /// The session is not on this edge.
    Unknown,
}

impl Registry {
    /// Records that a session belongs to this connection.
    pub fn insert(&self, session: SessionId, owner: InboxSender, token_digest: Option<String>) {
        let entry = SessionEntry { owner, token_digest, pending_takeover: false };
        self.entries.lock().insert(session, entry);
    }

    /// Records that a connection claims a session from another edge. False if the session is here, or is claimed
    /// already.
    pub fn reserve(&self, session: SessionId, owner: InboxSender, token_digest: Option<String>) -> bool {
        match self.entries.lock().entry(session) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(SessionEntry { owner, token_digest, pending_takeover: true });
                true
            }
        }
    }

    /// Gives a session to a connection if `may_claim` accepts its token digest.
    pub fn take_over(
        &self,
        session: SessionId,
        owner: InboxSender,
        may_claim: impl FnOnce(Option<&str>) -> bool,
    ) -> TakeOver {
        match self.entries.lock().get_mut(&session) {
            None => TakeOver::Unknown,
            Some(entry) if !may_claim(entry.token_digest.as_deref()) => TakeOver::Refused,
            Some(entry) => TakeOver::From(std::mem::replace(&mut entry.owner, owner)),
        }
    }

    /// Records that a claimed session has arrived from another edge.
    pub fn complete_takeover(&self, session: SessionId) {
        if let Some(entry) = self.entries.lock().get_mut(&session) {
            entry.pending_takeover = false;
        }
    }

    /// Whether the session is here; false if it is only claimed and another edge still owns it.
    pub fn has_arrived(&self, session: SessionId) -> bool {
        self.entries.lock().get(&session).is_some_and(|entry| !entry.pending_takeover)
    }

    pub fn owner(&self, session: SessionId) -> Option<InboxSender> {
        self.entries.lock().get(&session).map(|entry| entry.owner.clone())
    }

    /// The outer option is none if the session is not here.
    pub fn token_digest(&self, session: SessionId) -> Option<Option<String>> {
        self.entries.lock().get(&session).map(|entry| entry.token_digest.clone())
    }

    /// Removes a session; returns its connection.
    pub fn remove(&self, session: SessionId) -> Option<InboxSender> {
        self.entries.lock().remove(&session).map(|entry| entry.owner)
    }

    /// Removes a session if it belongs to this connection.
    pub fn remove_if_owner(&self, session: SessionId, owner: &InboxSender) {
        let mut entries = self.entries.lock();
        if entries.get(&session).is_some_and(|entry| entry.owner.is_same(owner)) {
            entries.remove(&session);
        }
    }

    pub fn all(&self) -> Vec<(SessionId, InboxSender)> {
        self.entries.lock().iter().map(|(session, entry)| (*session, entry.owner.clone())).collect()
    }

    pub fn count(&self) -> usize {
        self.entries.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bus::message::ClientEvent;
    use protocol::{HandleId, HandleRef, raw};

    fn events(bytes: usize) -> Events {
        let event = ClientEvent::Core { janus: "media".to_owned(), fields: raw(&"x".repeat(bytes)) };
        Events::for_handle(HandleRef { session: SessionId(1), handle: HandleId(1) }, vec![event])
    }

    #[tokio::test]
    async fn inbox_is_bounded_in_bytes_until_they_are_handled() {
        let (sender, mut inbox) = InboxSender::new();
        for count in 1..=5 {
            assert!(sender.send(Inbound::Events(events(500_000), AckGuard::default())).is_ok());
            assert_eq!(inbox.is_full(), count == 5, "{} bytes", inbox.bytes());
        }
        for _ in 0..5 {
            let Some(inbound) = inbox.recv().await else { panic!("a message") };
            let Inbound::Events(received, _) = *inbound else { panic!("events") };
            inbox.handled(&received);
        }
        assert_eq!(inbox.bytes(), 0);
    }
}
