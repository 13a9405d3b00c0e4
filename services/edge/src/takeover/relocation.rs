//! Sessions that have moved between this edge and others.
//!
//! [`ForwardingTable`] has those that this edge has surrendered. Events that still arrive here are forwarded, until all
//! senders know the new edge. For a session that has left the table, the directory names the owner.
//!
//! [`Relocation`] announces the new edge of a session: to the connectors of its calls, and in the directory for the
//! routers. What fails is repeated each [`ANNOUNCE_INTERVAL`], up to [`MAX_ANNOUNCE_ATTEMPTS`] times. Until then the
//! events come through the previous edge, or its mailbox.

use crate::context::EdgeContext;
use crate::registry::Registry;
use bus::message::{Body, ClientMoved, Events, Message};
use bus::topic::Mailbox;
use bus::{Bus, SendError};
use common::sync::Mutex;
use common::{ErrorLog, ServiceId, error_failure, warn_failure};
use protocol::{HandleId, HandleRef, SessionId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::{Instant, sleep};

static ANNOUNCING: ErrorLog = ErrorLog::new("announcing the new edges of sessions");
static NOTIFYING: ErrorLog = ErrorLog::new("telling connectors about moved clients");
static MOVING: ErrorLog = ErrorLog::new("moving handles in the directory");

/// How long this edge remembers where a session moved to.
const FORWARDING_TTL: Duration = Duration::from_secs(60);
const MAX_FORWARDED_SESSIONS: usize = 10_000;
const MAX_ANNOUNCE_ATTEMPTS: u32 = 10;
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(1);

/// The edge that each surrendered session has moved to.
#[derive(Default)]
pub struct ForwardingTable {
    state: Mutex<TableState>,
}

#[derive(Default)]
struct TableState {
    /// Each with the time of its entry.
    edges: BTreeMap<SessionId, (Instant, ServiceId)>,
    /// The sessions in the order of their expiry, also those that have a newer entry or were removed.
    order: VecDeque<(Instant, SessionId)>,
}

impl ForwardingTable {
    /// Records that a session moved to this edge.
    pub fn set(&self, session: SessionId, to: ServiceId, now: Instant) {
        let mut state = self.state.lock();
        state.edges.insert(session, (now, to));
        state.order.push_back((now, session));
        state.expire(now);
    }

    pub fn get(&self, session: SessionId) -> Option<ServiceId> {
        self.state.lock().edges.get(&session).map(|(_, edge)| edge.clone())
    }

    pub fn remove(&self, session: SessionId) -> Option<ServiceId> {
        self.state.lock().edges.remove(&session).map(|(_, edge)| edge)
    }
}

impl TableState {
    fn expire(&mut self, now: Instant) {
        while let Some((since, session)) = self.order.front().copied() {
            if now < since + FORWARDING_TTL && self.order.len() <= MAX_FORWARDED_SESSIONS {
                return;
            }
            self.order.pop_front();
            if self.edges.get(&session).is_some_and(|(entered, _)| *entered == since) {
                self.edges.remove(&session);
            }
        }
    }
}

/// A session that has come from another edge, and what is not announced yet.
pub struct Relocation {
    pub session: SessionId,
    pub previous_edge: ServiceId,
    /// The handles that routers may know, with their names.
    pub names: Vec<(HandleId, Option<String>)>,
    /// The messages for the connectors of the calls that its handles are in.
    pub client_moves: Vec<(Mailbox, ClientMoved)>,
}

impl Relocation {
    /// Announces the session until all is done, or the session has left this edge.
    pub async fn announce(mut self, context: &EdgeContext, registry: &Registry) {
        for _ in 0..MAX_ANNOUNCE_ATTEMPTS {
            self.notify_connectors(&context.bus).await;
            self.update_directory(context).await;
            let is_complete = self.names.is_empty() && self.client_moves.is_empty();
            if is_complete || registry.owner(self.session).is_none() {
                return;
            }
            sleep(ANNOUNCE_INTERVAL).await;
        }
        error_failure!(ANNOUNCING, session = %self.session, "failed to announce the new edge of a session, giving up");
    }

    async fn notify_connectors(&mut self, bus: &Bus) {
        let mut failed = Vec::new();
        for (mailbox, client_moved) in self.client_moves.drain(..) {
            let message = Message::new(Body::ClientMoved(client_moved.clone()));
            match bus.post(&mailbox, &message).await {
                Ok(()) | Err(SendError::NoMailbox) => NOTIFYING.succeeded(),
                Err(error) => {
                    let call = client_moved.leg.call;
                    warn_failure!(NOTIFYING, %error, %call, "failed to tell a connector that a client has moved, retrying");
                    failed.push((mailbox, client_moved));
                }
            }
        }
        self.client_moves = failed;
    }

    async fn update_directory(&mut self, context: &EdgeContext) {
        let mut failed = Vec::new();
        for (id, name) in self.names.drain(..) {
            let handle = HandleRef { session: self.session, handle: id };
            let moved =
                context.directory.move_handle(handle, name.as_deref(), &self.previous_edge, &context.id);
            let moved = moved.await;
            if moved.is_ok() {
                MOVING.succeeded();
            }
            if let Err(error) = moved {
                warn_failure!(MOVING, %error, %handle, "failed to move a handle in the directory, retrying");
                failed.push((id, name));
            }
        }
        self.names = failed;
    }
}

/// If these events begin a call with a client that has moved, tells the connector of the call the client's edge.
pub async fn announce_joined(bus: &Bus, events: &Events, edge: &ServiceId) {
    let Some((backend, client_moved)) = ClientMoved::for_joined(events, edge) else { return };
    let call = client_moved.leg.call;
    if let Err(error) =
        bus.post(&Mailbox::Backend(backend), &Message::new(Body::ClientMoved(client_moved))).await
    {
        warn_failure!(NOTIFYING, %error, %call, "failed to tell a connector that a client has moved");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_expire_and_the_oldest_goes_first() {
        let (table, now, to) = (ForwardingTable::default(), Instant::now(), ServiceId::from("edge-2"));
        for id in 0..=MAX_FORWARDED_SESSIONS as u64 {
            table.set(SessionId(id), to.clone(), now);
        }
        assert_eq!(table.get(SessionId(0)), None);
        assert_eq!(table.get(SessionId(1)), Some(to.clone()));
        table.set(SessionId(1), to.clone(), now + FORWARDING_TTL / 2);
        table.set(SessionId(0), to.clone(), now + FORWARDING_TTL);
        assert_eq!(table.get(SessionId(2)), None);
        assert_eq!(table.get(SessionId(1)), Some(to));
    }
}
