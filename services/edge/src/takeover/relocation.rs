//! Where a session's handles are from now on: told to the connectors of its calls, which then send
//! here what they sent to its former edge, and written in the directory for the routers.
//!
//! How it fails: who cannot be told now is told again each second, [`TRIES`] times; until then its
//! messages come through the former edge, or its mailbox.

use crate::shared::Shared;
use bus::SendError;
use bus::message::{Body, ClientMoved, Message};
use bus::topic::Mailbox;
use common::ServiceId;
use protocol::{HandleId, HandleRef, SessionId};
use std::time::Duration;
use tokio::time::sleep;

const MAX_ATTEMPTS: u32 = 10;
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// A session that came here from another edge.
pub struct Relocation {
    /// The session.
    pub session: SessionId,
    /// Where it was.
    pub previous_edge: ServiceId,
    /// Its handles that routers may know, with their names.
    pub names: Vec<(HandleId, Option<String>)>,
    /// Its handles' calls.
    pub client_moves: Vec<(Mailbox, ClientMoved)>,
}

impl Relocation {
    /// Tells them until they have it, or the session has moved on.
    pub async fn announce(mut self, shared: &Shared) {
        for _ in 0..MAX_ATTEMPTS {
            self.announce_to_connectors(shared).await;
            self.update_directory(shared).await;
            let all_told = self.names.is_empty() && self.client_moves.is_empty();
            if all_told || shared.registry.get(self.session).is_none() {
                return;
            }
            sleep(RETRY_INTERVAL).await;
        }
        tracing::error!(session = %self.session, "not everybody could be told where a session is");
    }

    async fn announce_to_connectors(&mut self, shared: &Shared) {
        let mut untold = Vec::new();
        for (mailbox, attend) in self.client_moves.drain(..) {
            let message = Message::new(Body::ClientMoved(attend.clone()));
            match shared.context.bus.post(&mailbox, &message).await {
                Ok(()) | Err(SendError::NoMailbox) => {}
                Err(error) => {
                    tracing::warn!(%error, call = %attend.leg.call, "a connector could not be told where a client is");
                    untold.push((mailbox, attend));
                }
            }
        }
        self.client_moves = untold;
    }

    async fn update_directory(&mut self, shared: &Shared) {
        let mut untold = Vec::new();
        for (id, name) in self.names.drain(..) {
            let handle = HandleRef { session: self.session, handle: id };
            let to = &shared.context.id;
            let moved =
                shared.context.directory.move_handle(handle, name.as_deref(), &self.previous_edge, to).await;
            if let Err(error) = moved {
                tracing::warn!(%error, %handle, "a handle could not be moved in the directory");
                untold.push((id, name));
            }
        }
        self.names = untold;
    }
}
