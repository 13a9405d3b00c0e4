//! The calls that ended recently. Their `place` may still arrive and must not be set up.

use common::CallId;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// How long an ended call is remembered.
pub const ENDED_CALL_TTL: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct EndedCalls {
    ids: BTreeSet<CallId>,
    /// The same calls with the end of their time, oldest first.
    expiry: VecDeque<(Instant, CallId)>,
}

impl EndedCalls {
    pub fn contains(&self, id: CallId) -> bool {
        self.ids.contains(&id)
    }

    pub fn insert(&mut self, id: CallId, now: Instant) {
        if self.ids.insert(id) {
            self.expiry.push_back((now + ENDED_CALL_TTL, id));
        }
    }

    pub fn next_expiry(&self) -> Option<Instant> {
        self.expiry.front().map(|(until, _)| *until)
    }

    pub fn expire(&mut self, now: Instant) {
        while let Some((_, id)) = self.expiry.pop_front_if(|(until, _)| *until <= now) {
            self.ids.remove(&id);
        }
    }
}
