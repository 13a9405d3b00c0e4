//! Announces the new edge of a session: to the connectors of its calls, and in the directory for the routers.
//!
//! What fails is repeated each [`RETRY_INTERVAL`], up to [`MAX_ATTEMPTS`] times. Until then the events come through the
//! previous edge, or its mailbox.

use crate::context::EdgeContext;
use crate::registry::Registry;
use bus::message::{Body, ClientMoved, Events, Message};
use bus::topic::Mailbox;
use bus::{Bus, SendError};
use common::ServiceId;
use protocol::{HandleId, HandleRef, SessionId};
use std::time::Duration;
use tokio::time::sleep;

const MAX_ATTEMPTS: u32 = 10;
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// A session that has come from another edge, and what is not announced yet.
pub struct Relocation {
    pub session: SessionId,
    pub previous_edge: ServiceId,
    /// The handles that routers may know, with their names.
    pub names: Vec<(HandleId, Option<String>)>,
    /// For the connectors of the calls that its handles are in.
    pub client_moves: Vec<(Mailbox, ClientMoved)>,
}

impl Relocation {
    /// Announces the session until all is done, or the session has left this edge.
    pub async fn announce(mut self, context: &EdgeContext, registry: &Registry) {
        for _ in 0..MAX_ATTEMPTS {
            self.notify_connectors(&context.bus).await;
            self.update_directory(context).await;
            let is_complete = self.names.is_empty() && self.client_moves.is_empty();
            if is_complete || registry.owner(self.session).is_none() {
                return;
            }
            sleep(RETRY_INTERVAL).await;
        }
        tracing::error!(session = %self.session, "failed to announce the new edge of a session, giving up");
    }

    async fn notify_connectors(&mut self, bus: &Bus) {
        let mut failed = Vec::new();
        for (mailbox, client_moved) in self.client_moves.drain(..) {
            let message = Message::new(Body::ClientMoved(client_moved.clone()));
            match bus.post(&mailbox, &message).await {
                Ok(()) | Err(SendError::NoMailbox) => {}
                Err(error) => {
                    let call = client_moved.leg.call;
                    tracing::warn!(%error, %call, "failed to tell a connector that a client has moved, retrying");
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
            if let Err(error) = moved.await {
                tracing::warn!(%error, %handle, "failed to move a handle in the directory, retrying");
                failed.push((id, name));
            }
        }
        self.names = failed;
    }
}

/// A connector has begun a call with a client that has moved: tells it the client's edge.
pub async fn announce_joined(bus: &Bus, events: &Events, edge: &ServiceId) {
    let Some((backend, client_moved)) = ClientMoved::for_joined(events, edge) else { return };
    let call = client_moved.leg.call;
    if let Err(error) =
        bus.post(&Mailbox::Backend(backend), &Message::new(Body::ClientMoved(client_moved))).await
    {
        tracing::warn!(%error, %call, "failed to tell a connector that a client has moved");
    }
}
