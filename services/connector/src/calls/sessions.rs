//! The connector's sessions on Janus: new calls go to the newest, an older one, claimed from a former
//! connector, lives as long as its last call.

use crate::janus::message::JanusId;
use std::collections::BTreeMap;

/// The sessions, and how many calls each of the older ones has.
#[derive(Debug, Default)]
pub struct JanusSessions {
    newest: Option<JanusId>,
    claimed: BTreeMap<JanusId, usize>,
}

impl JanusSessions {
    /// The one that new calls go to, while there is Janus.
    pub fn newest(&self) -> Option<JanusId> {
        self.newest
    }

    /// Janus is there, with this session for new calls.
    pub fn set_newest(&mut self, newest: JanusId) {
        self.newest = Some(newest);
    }

    /// Janus is gone, and all of them.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// An older one, without calls yet.
    pub fn add_claimed(&mut self, session: JanusId) {
        self.claimed.insert(session, 0);
    }

    /// Whether a call may go on in this one; then it has one call more.
    pub fn add_call(&mut self, session: JanusId) -> bool {
        let calls = self.claimed.get_mut(&session);
        calls.map(|calls| *calls += 1).is_some()
    }

    /// A call in this one is over. True when it was the last of an older one: that is over too.
    pub fn remove_call(&mut self, session: JanusId) -> bool {
        let Some(calls) = self.claimed.get_mut(&session) else { return false };
        *calls = calls.saturating_sub(1);
        *calls == 0 && self.claimed.remove(&session).is_some()
    }

    /// This one is over.
    pub fn remove(&mut self, session: JanusId) {
        self.claimed.remove(&session);
    }

    /// Older ones without calls are over: these.
    pub fn remove_unused(&mut self) -> Vec<JanusId> {
        self.claimed.extract_if(.., |_, calls| *calls == 0).map(|(session, _)| session).collect()
    }

    /// All of them.
    pub fn all(&self) -> Vec<JanusId> {
        self.claimed.keys().copied().chain(self.newest).collect()
    }
}
