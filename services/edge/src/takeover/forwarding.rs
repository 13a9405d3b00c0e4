//! Sessions that this edge has surrendered to another: what still comes for them is forwarded, until
//! everybody knows where they are.
//!
//! At most [`MANY`] are remembered; of one that is forgotten the directory says where it is.

use crate::shared::Shared;
use bus::message::{Address, Body, Change, ClientMoved, Events, LegRef, Message};
use bus::topic::Mailbox;
use common::ServiceId;
use protocol::SessionId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a session is remembered.
const ENTRY_TTL: Duration = Duration::from_secs(60);
/// How many are.
const MAX_ENTRIES: usize = 10_000;

/// Where sessions went.
#[derive(Default)]
pub struct ForwardingTable(Mutex<State>);

#[derive(Default)]
struct State {
    edges: BTreeMap<SessionId, ServiceId>,
    /// In the order in which they are forgotten.
    order: VecDeque<(Instant, SessionId)>,
}

impl ForwardingTable {
    /// What comes for this session goes to that edge.
    pub fn set(&self, session: SessionId, to: ServiceId, now: Instant) {
        let mut state = self.lock();
        state.edges.insert(session, to);
        state.order.push_back((now, session));
        state.expire(now);
    }

    /// Where a session went.
    pub fn get(&self, session: SessionId) -> Option<ServiceId> {
        self.lock().edges.get(&session).cloned()
    }

    /// The session is here.
    pub fn remove(&self, session: SessionId) -> Option<ServiceId> {
        self.lock().edges.remove(&session)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn expire(&mut self, now: Instant) {
        while let Some((since, session)) = self.order.front().copied() {
            if now < since + ENTRY_TTL && self.order.len() <= MAX_ENTRIES {
                return;
            }
            self.order.pop_front();
            let again = self.order.iter().any(|(_, other)| *other == session);
            if !again {
                self.edges.remove(&session);
            }
        }
    }
}

/// A connector that begins a call with a client that has gone to another edge is to tell it there.
pub async fn announce_address(events: &Events, at: &ServiceId, shared: &Shared) {
    let (Some(Change::Joined { backend, side }), Some(call)) = (&events.change, events.call) else { return };
    let address = Address { edge: at.clone(), session: events.session, handle: events.handle };
    let attend = ClientMoved { leg: LegRef { call, side: *side }, address };
    let message = Message::new(Body::ClientMoved(attend));
    if let Err(error) = shared.context.bus.post(&Mailbox::Backend(backend.clone()), &message).await {
        tracing::warn!(%error, %call, "a connector could not be told where a client is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_remembered_for_a_while_and_the_oldest_goes_first() {
        let (forwards, now, to) = (ForwardingTable::default(), Instant::now(), ServiceId::from("edge-2"));
        for id in 0..=MAX_ENTRIES as u64 {
            forwards.set(SessionId(id), to.clone(), now);
        }
        assert_eq!(forwards.get(SessionId(0)), None);
        assert_eq!(forwards.get(SessionId(1)), Some(to.clone()));
        forwards.set(SessionId(1), to.clone(), now + ENTRY_TTL / 2);
        forwards.set(SessionId(0), to.clone(), now + ENTRY_TTL);
        assert_eq!(forwards.get(SessionId(2)), None);
        assert_eq!(forwards.get(SessionId(1)), Some(to));
    }
}
