//! The request of one edge to another to give up a session, and the reply.

use super::liveness::Liveness;
use crate::context::EdgeContext;
use crate::persist::writer::SessionWriter;
use bus::SendError;
use bus::message::{Body, Message, Surrender, Surrendered};
use bus::topic::Mailbox;
use common::ServiceId;
use common::sync::Mutex;
use protocol::SessionId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long another edge may take to surrender a session.
pub const SURRENDER_TIMEOUT: Duration = Duration::from_secs(1);

/// The sessions that this edge has requested from others.
#[derive(Default)]
pub struct PendingSurrenders {
    requests: Mutex<BTreeMap<SessionId, oneshot::Sender<()>>>,
}

impl PendingSurrenders {
    /// Another edge has surrendered the session.
    pub fn complete(&self, session: SessionId) {
        if let Some(request) = self.requests.lock().remove(&session) {
            // The claim may have been cancelled.
            let _ = request.send(());
        }
    }

    /// Requests a session from an edge. False if the edge is dead, stops, or does not reply in time.
    pub async fn request(
        &self,
        context: &EdgeContext,
        liveness: &Liveness,
        session: SessionId,
        owner: &ServiceId,
    ) -> directory::Result<bool> {
        if liveness.is_edge_dead(owner).await? {
            return Ok(false);
        }
        let (sender, surrendered) = oneshot::channel();
        self.requests.lock().insert(session, sender);
        let request = Message::new(Body::Surrender(Surrender { session, to: context.id.clone() }));
        let reply = async {
            let sent = context.bus.post(&Mailbox::Edge(owner.clone()), &request).await;
            // After any other error the edge may have the request all the same.
            !matches!(sent, Err(SendError::NoMailbox)) && surrendered.await.is_ok()
        };
        let reply = async {
            tokio::select! {
                is_surrendered = reply => is_surrendered,
                () = liveness.until_deregistered(owner) => false,
            }
        };
        let is_surrendered = timeout(SURRENDER_TIMEOUT, reply).await.unwrap_or(false);
        self.requests.lock().remove(&session);
        Ok(is_surrendered)
    }
}

/// Tells another edge in the background that it can take a session, once the session is stored.
pub fn confirm_surrender(
    context: &Arc<EdgeContext>,
    writer: &Arc<SessionWriter>,
    session: SessionId,
    to: ServiceId,
) {
    let (edge, writer) = (context.clone(), writer.clone());
    context.background.spawn(async move {
        writer.persisted(session).await;
        let message = Message::new(Body::Surrendered(Surrendered { session, from: edge.id.clone() }));
        if let Err(error) = edge.bus.post(&Mailbox::Edge(to), &message).await {
            tracing::warn!(%error, %session, "failed to confirm a surrender, the other edge will time out");
        }
    });
}
