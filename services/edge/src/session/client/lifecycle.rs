//! How sessions enter and leave a connection, and what of them is stored for other edges.

use super::Client;
use crate::session::Session;
use crate::session::action::{Action, Cx};
use bus::message::LegRef;
use common::{BackendName, clock};
use protocol::{HandleId, SessionId, reply};
use std::time::Duration;
use tokio::time::Instant;

impl Client {
    /// Adds a new session, which is in the directory already. Only a client with the same token may claim it.
    pub fn add_created(&mut self, id: SessionId, token_digest: Option<String>, now: Instant) {
        self.insert(Session::new(id, token_digest, now));
    }

    /// Adds a session that was claimed from another connection or another edge.
    pub fn add_claimed(&mut self, mut session: Session, now: Instant) {
        session.last_request = now;
        self.insert(session);
    }

    /// Adds a surrendered session again, because its claimer did not take it.
    pub fn add_returned(&mut self, session: Session) {
        self.insert(session);
    }

    fn insert(&mut self, session: Session) {
        self.changed.insert(session.id);
        self.sessions.insert(session.id, Box::new(session));
    }
}

impl Client {
    /// Gives a session to the connection that claims it, unless it has expired.
    pub fn surrender(&mut self, id: SessionId, now: Instant) -> Option<Session> {
        let is_expired = self.expires_at(self.sessions.get(&id)?).is_some_and(|at| at <= now);
        if is_expired { None } else { self.remove(id) }
    }

    /// Drops a session that another edge owns: its handles are not released. False if it is not here.
    pub fn discard(&mut self, id: SessionId) -> bool {
        self.remove(id).is_some()
    }

    /// Ends a session without a message to its client.
    pub fn drop_session(&mut self, id: SessionId, now: Instant) -> Vec<Action> {
        let mut cx = Cx::new(now);
        self.end(id, &mut cx);
        cx.into_actions()
    }

    /// Ends a session as if it had timed out.
    pub fn expire_session(&mut self, id: SessionId, now: Instant) -> Vec<Action> {
        let mut cx = Cx::new(now);
        self.expire(id, &mut cx);
        cx.into_actions()
    }

    pub(super) fn expire(&mut self, id: SessionId, cx: &mut Cx) {
        self.end(id, cx);
        cx.send_to_client(id, reply::timeout(id));
    }

    pub(super) fn end(&mut self, id: SessionId, cx: &mut Cx) {
        if let Some(session) = self.remove(id) {
            session.end(cx);
        }
    }

    fn remove(&mut self, id: SessionId) -> Option<Session> {
        self.changed.remove(&id);
        self.held.remove(&id);
        self.sessions.remove(&id).map(|session| *session)
    }
}

impl Client {
    /// Records that the socket is gone. The sessions wait to be claimed.
    pub fn set_disconnected(&mut self, since: Instant) {
        self.disconnected_since = Some(since);
    }

    pub fn disconnected_for(&self, now: Instant) -> Option<Duration> {
        self.disconnected_since.map(|since| now.saturating_duration_since(since))
    }

    pub fn contains(&self, id: SessionId) -> bool {
        self.sessions.contains_key(&id)
    }

    pub fn session_ids(&self) -> Vec<SessionId> {
        self.sessions.keys().copied().collect()
    }

    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Sets how many bytes may wait on the handles of all sessions.
    pub fn set_allowance(&mut self, bytes: usize) {
        self.allowance = bytes;
    }

    /// How many bytes wait on the handles of all sessions.
    pub fn held_bytes(&mut self) -> usize {
        for id in &self.changed {
            match self.sessions.get(id).map_or(0, |session| session.held_bytes()) {
                0 => self.held.remove(id),
                bytes => self.held.insert(*id, bytes),
            };
        }
        self.held.values().sum()
    }

    pub(super) fn room(&mut self) -> usize {
        self.allowance.saturating_sub(self.held_bytes())
    }

    /// The sessions that have changed since the last call, without those that have ended.
    pub fn take_changed(&mut self) -> Vec<SessionId> {
        self.held_bytes();
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    /// The session as JSON, for [`Session::restore`].
    pub fn snapshot(&self, id: SessionId, now: Instant) -> Option<String> {
        let session = self.sessions.get(&id)?;
        Some(session.snapshot(now, clock::unix_millis()))
    }

    /// The handles of a session that are in a call.
    pub fn legs(&self, id: SessionId) -> Vec<(HandleId, LegRef, BackendName)> {
        self.sessions.get(&id).map(|session| session.legs()).unwrap_or_default()
    }

    /// The handles of a session that routers may have a record of, with their names.
    pub fn names(&self, id: SessionId) -> Vec<(HandleId, Option<String>)> {
        self.sessions.get(&id).map(|session| session.names()).unwrap_or_default()
    }
}
