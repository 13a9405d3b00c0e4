//! The connector's sessions on Janus: new calls go to the newest, an older one, claimed from a former
//! connector, lives as long as its last call.

use crate::janus::message::JanusId;
use std::collections::BTreeMap;

/// The sessions, and how many calls each of the older ones has.
#[derive(Debug, Default)]
pub struct Sessions {
    newest: Option<JanusId>,
    older: BTreeMap<JanusId, usize>,
}

impl Sessions {
    /// The one that new calls go to, while there is Janus.
    pub fn newest(&self) -> Option<JanusId> {
        self.newest
    }

    /// Janus is there, with this session for new calls.
    pub fn up(&mut self, newest: JanusId) {
        self.newest = Some(newest);
    }

    /// Janus is gone, and all of them.
    pub fn down(&mut self) {
        *self = Self::default();
    }

    /// An older one, without calls yet.
    pub fn keep(&mut self, session: JanusId) {
        self.older.insert(session, 0);
    }

    /// Whether a call may go on in this one; then it has one call more.
    pub fn join(&mut self, session: JanusId) -> bool {
        let calls = self.older.get_mut(&session);
        calls.map(|calls| *calls += 1).is_some()
    }

    /// A call in this one is over. True when it was the last of an older one: that is over too.
    pub fn leave(&mut self, session: JanusId) -> bool {
        let Some(calls) = self.older.get_mut(&session) else { return false };
        *calls = calls.saturating_sub(1);
        *calls == 0 && self.older.remove(&session).is_some()
    }

    /// This one is over.
    pub fn lose(&mut self, session: JanusId) {
        self.older.remove(&session);
    }

    /// Older ones without calls are over: these.
    pub fn drop_empty(&mut self) -> Vec<JanusId> {
        self.older.extract_if(.., |_, calls| *calls == 0).map(|(session, _)| session).collect()
    }

    /// All of them.
    pub fn all(&self) -> Vec<JanusId> {
        self.older.keys().copied().chain(self.newest).collect()
    }
}
