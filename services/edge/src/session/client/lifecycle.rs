//! Which sessions a connection has: how they come to it, are written down for others to go on with, and
//! leave it.
//!
//! What is written down goes stale with whatever a session does; [`Client::take_changed`] names those
//! that have done something. What a session was told is not part of it: that is the business of whoever
//! tells.

use super::Client;
use crate::session::Session;
use bus::message::LegRef;
use common::{BackendName, entropy};
use protocol::{HandleId, SessionId};
use std::time::Duration;
use tokio::time::Instant;

/// How sessions come and go.
impl Client {
    /// The directory has the new session. Whoever claims it must show the same proof.
    pub fn add_created(&mut self, id: SessionId, proof: Option<String>, now: Instant) {
        self.insert(Session::new(id, proof, now));
    }

    /// Another connection, or another edge, had this session before.
    pub fn add_claimed(&mut self, mut session: Session, now: Instant) {
        session.last_request = now;
        self.insert(session);
    }

    /// A session that was given up, and that nobody took.
    pub fn add_returned(&mut self, session: Session) {
        self.insert(session);
    }

    fn insert(&mut self, session: Session) {
        self.changed.insert(session.id);
        self.sessions.insert(session.id, Box::new(session));
    }

    /// Gives a session up to the connection that claims it, unless it is over.
    pub fn surrender(&mut self, id: SessionId, now: Instant) -> Option<Session> {
        let is_over = self.expires_at(self.sessions.get(&id)?).is_some_and(|end| end <= now);
        if is_over { None } else { self.remove(id) }
    }

    /// Another edge has this session now: nothing of it is to be ended from here. False when it was
    /// not here.
    pub fn discard(&mut self, id: SessionId) -> bool {
        self.remove(id).is_some()
    }

    fn remove(&mut self, id: SessionId) -> Option<Session> {
        self.changed.remove(&id);
        self.sessions.remove(&id).map(|session| *session)
    }

    /// The socket is gone. Its sessions wait to be claimed.
    pub fn set_disconnected(&mut self, now: Instant) {
        self.disconnected_since = Some(now);
    }

    /// For how long the socket has been gone.
    pub fn disconnected_for(&self, now: Instant) -> Option<Duration> {
        self.disconnected_since.map(|since| now.saturating_duration_since(since))
    }

    /// Whether a session is here.
    pub fn contains(&self, id: SessionId) -> bool {
        self.sessions.contains_key(&id)
    }

    /// Every session of this connection.
    pub fn session_ids(&self) -> Vec<SessionId> {
        self.sessions.keys().copied().collect()
    }

    /// Whether there is no session left.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

/// What others are to know of sessions.
impl Client {
    /// The sessions that are not as they were at the last call; those that are over are none of them.
    pub fn take_changed(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    /// A session as it is written down, to be read by [`Session::restore`].
    pub fn snapshot(&self, id: SessionId, now: Instant) -> Option<String> {
        let session = self.sessions.get(&id)?;
        Some(session.snapshot(now, entropy::unix_millis()))
    }

    /// The calls that a session's handles are in.
    pub fn legs(&self, id: SessionId) -> Vec<(HandleId, LegRef, BackendName)> {
        self.sessions.get(&id).map(|session| session.legs()).unwrap_or_default()
    }

    /// A session's handles that routers may know, with their names.
    pub fn names(&self, id: SessionId) -> Vec<(HandleId, Option<String>)> {
        self.sessions.get(&id).map(|session| session.names()).unwrap_or_default()
    }
}
