//! Where a session's handles are from now on: told to the connectors of its calls, which then send
//! here what they sent to its former edge, and written in the directory for the routers.
//!
//! How it fails: who cannot be told now is told again each second, [`TRIES`] times; until then its
//! messages come through the former edge, or its mailbox.

use crate::shared::Shared;
use bus::SendError;
use bus::message::{Attend, Body, Message};
use bus::topic::Mailbox;
use protocol::{HandleId, HandleRef, ServiceId, SessionId};
use std::time::Duration;
use tokio::time::sleep;

const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// A session that came here from another edge.
pub struct Moved {
    /// The session.
    pub session: SessionId,
    /// Where it was.
    pub from: ServiceId,
    /// Its handles that routers may know, with their names.
    pub names: Vec<(HandleId, Option<String>)>,
    /// Its handles' calls.
    pub attends: Vec<(Mailbox, Attend)>,
}

impl Moved {
    /// Tells them until they have it, or the session has moved on.
    pub async fn tell(mut self, shared: &Shared) {
        for _ in 0..TRIES {
            self.tell_connectors(shared).await;
            self.tell_routers(shared).await;
            let all_told = self.names.is_empty() && self.attends.is_empty();
            if all_told || shared.registry.get(self.session).is_none() {
                return;
            }
            sleep(PAUSE).await;
        }
        tracing::error!(session = %self.session, "not everybody could be told where a session is");
    }

    async fn tell_connectors(&mut self, shared: &Shared) {
        let mut untold = Vec::new();
        for (mailbox, attend) in self.attends.drain(..) {
            let message = Message::new(Body::Attend(attend.clone()));
            match shared.context.bus.post(&mailbox, &message).await {
                Ok(()) | Err(SendError::NoMailbox) => {}
                Err(error) => {
                    tracing::warn!(%error, call = %attend.leg.call, "a connector could not be told where a client is");
                    untold.push((mailbox, attend));
                }
            }
        }
        self.attends = untold;
    }

    async fn tell_routers(&mut self, shared: &Shared) {
        let mut untold = Vec::new();
        for (id, name) in self.names.drain(..) {
            let handle = HandleRef { session: self.session, handle: id };
            let to = &shared.context.id;
            let moved = shared.context.directory.move_handle(handle, name.as_deref(), &self.from, to).await;
            if let Err(error) = moved {
                tracing::warn!(%error, %handle, "a handle could not be moved in the directory");
                untold.push((id, name));
            }
        }
        self.names = untold;
    }
}
