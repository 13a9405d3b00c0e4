//! The connector's sessions on Janus. New calls go to the newest. A session claimed from a former
//! connector is kept until its last call has ended.

use crate::janus::message::JanusId;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct JanusSessions {
    /// None while there is no link to Janus.
    newest: Option<JanusId>,
    /// The claimed sessions, with the number of calls in each.
    claimed: BTreeMap<JanusId, usize>,
}

impl JanusSessions {
    /// The session for new calls.
    pub fn newest(&self) -> Option<JanusId> {
        self.newest
    }

    pub fn set_newest(&mut self, session: JanusId) {
        self.newest = Some(session);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn add_claimed(&mut self, session: JanusId) {
        self.claimed.insert(session, 0);
    }

    /// Counts one more call in a claimed session. Returns false if the session was not claimed.
    pub fn add_call(&mut self, session: JanusId) -> bool {
        let calls = self.claimed.get_mut(&session);
        calls.map(|calls| *calls += 1).is_some()
    }

    /// Counts one call less in a session. Returns true if that was the last call of a claimed session,
    /// which is then removed.
    pub fn remove_call(&mut self, session: JanusId) -> bool {
        let Some(calls) = self.claimed.get_mut(&session) else { return false };
        *calls = calls.saturating_sub(1);
        *calls == 0 && self.claimed.remove(&session).is_some()
    }

    pub fn remove(&mut self, session: JanusId) {
        self.claimed.remove(&session);
    }

    /// Removes and returns the claimed sessions without calls.
    pub fn remove_unused(&mut self) -> Vec<JanusId> {
        self.claimed.extract_if(.., |_, calls| *calls == 0).map(|(session, _)| session).collect()
    }

    /// All sessions, the newest last.
    pub fn all(&self) -> Vec<JanusId> {
        self.claimed.keys().copied().chain(self.newest).collect()
    }
}
