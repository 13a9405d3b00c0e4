//! The sessions that this edge has surrendered, and the edges that they went to.
//!
//! Events that still arrive here are forwarded, until all senders know the new edge. For a session that has left the
//! table, the directory names the owner.

use common::ServiceId;
use common::sync::Mutex;
use protocol::SessionId;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

const ENTRY_TTL: Duration = Duration::from_secs(60);
const MAX_ENTRIES: usize = 10_000;

/// Where sessions went.
#[derive(Default)]
pub struct ForwardingTable {
    state: Mutex<TableState>,
}

#[derive(Default)]
struct TableState {
    edges: BTreeMap<SessionId, ServiceId>,
    /// The sessions in the order of their expiry, each with the time of its entry.
    order: VecDeque<(Instant, SessionId)>,
}

impl ForwardingTable {
    /// The session went to that edge.
    pub fn set(&self, session: SessionId, to: ServiceId, now: Instant) {
        let mut state = self.state.lock();
        state.edges.insert(session, to);
        state.order.push_back((now, session));
        state.expire(now);
    }

    pub fn get(&self, session: SessionId) -> Option<ServiceId> {
        self.state.lock().edges.get(&session).cloned()
    }

    pub fn remove(&self, session: SessionId) -> Option<ServiceId> {
        self.state.lock().edges.remove(&session)
    }
}

impl TableState {
    fn expire(&mut self, now: Instant) {
        while let Some((since, session)) = self.order.front().copied() {
            if now < since + ENTRY_TTL && self.order.len() <= MAX_ENTRIES {
                return;
            }
            self.order.pop_front();
            let has_newer_entry = self.order.iter().any(|(_, other)| *other == session);
            if !has_newer_entry {
                self.edges.remove(&session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_expire_and_the_oldest_goes_first() {
        let (table, now, to) = (ForwardingTable::default(), Instant::now(), ServiceId::from("edge-2"));
        for id in 0..=MAX_ENTRIES as u64 {
            table.set(SessionId(id), to.clone(), now);
        }
        assert_eq!(table.get(SessionId(0)), None);
        assert_eq!(table.get(SessionId(1)), Some(to.clone()));
        table.set(SessionId(1), to.clone(), now + ENTRY_TTL / 2);
        table.set(SessionId(0), to.clone(), now + ENTRY_TTL);
        assert_eq!(table.get(SessionId(2)), None);
        assert_eq!(table.get(SessionId(1)), Some(to));
    }
}
