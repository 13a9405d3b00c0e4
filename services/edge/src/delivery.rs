//! Brings a message to the connection that has its session, or to the edge that owns the session now.

use crate::context::EdgeContext;
use crate::metrics;
use crate::publisher::Publisher;
use crate::registry::{Inbound, Registry};
use crate::session::action::{Action, Cx};
use crate::takeover::relocation::{self, ForwardingTable};
use bus::SendError;
use bus::ack_tracker::AckGuard;
use bus::message::{Body, Disconnect, Events, Message};
use bus::topic::Mailbox;
use common::{ErrorLog, ServiceId, error_failure, warn_failure};
use protocol::SessionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing::Instrument;

static FORWARDING: ErrorLog = ErrorLog::new("forwarding messages to other edges");
static LOSING: ErrorLog = ErrorLog::new("forwarding events to other edges");
static LOOKING_UP: ErrorLog = ErrorLog::new("looking up the owners of sessions");
static UNDOING: ErrorLog = ErrorLog::new("undoing events for ended sessions");

const MAX_FORWARD_ATTEMPTS: u32 = 20;
const FORWARD_RETRY_INTERVAL: Duration = Duration::from_millis(100);
const MAX_OWNER_LOOKUPS: u32 = 30;
const OWNER_LOOKUP_INTERVAL: Duration = Duration::from_secs(1);

/// Delivers messages to sessions.
#[derive(Clone)]
pub struct Delivery {
    pub context: Arc<EdgeContext>,
    pub registry: Arc<Registry>,
    pub forwarding: Arc<ForwardingTable>,
    pub publisher: Arc<Publisher>,
}

impl Delivery {
    /// Delivers events to the connection or edge that has the session.
    pub async fn deliver(&self, events: Events, guard: AckGuard) {
        if let Some(owner) = self.registry.owner(events.session) {
            let refused = owner.send(Inbound::Events(events, guard)).err();
            // A connection that was killed has not handled them: the message stays in the mailbox.
            if let Some(Inbound::Events(_, unhandled)) = refused.map(|message| *message) {
                unhandled.retain();
            }
        } else if let Some(edge) = self.forwarding.get(events.session) {
            self.forward(&edge, events).await;
        } else {
            let lookup = self.clone().deliver_to_unknown_owner(events, guard);
            self.context.background.spawn(lookup.in_current_span());
        }
    }

    /// Asks the connection that has a session to end it, or else the edge that the session moved to. A request for a
    /// session that is moving between edges is dropped; the rest service sends it again to the new edge.
    pub async fn disconnect(&self, session: SessionId, guard: AckGuard) {
        if let Some(owner) = self.registry.owner(session) {
            let refused = owner.send(Inbound::Disconnect(session, guard)).err();
            if let Some(Inbound::Disconnect(_, unhandled)) = refused.map(|message| *message) {
                unhandled.retain();
            }
        } else if let Some(edge) = self.forwarding.get(session) {
            let message = Message::new(Body::Disconnect(Disconnect { session }));
            if let Err(error) = self.context.bus.post(&Mailbox::Edge(edge), &message).await {
                warn_failure!(FORWARDING, %error, %session, "failed to forward a disconnect, dropping it");
            }
        }
    }

    async fn forward(&self, edge: &ServiceId, events: Events) {
        metrics::message_forwarded();
        relocation::announce_joined(&self.context.bus, &events, edge).await;
        let (mailbox, message) = (Mailbox::Edge(edge.clone()), Message::new(Body::Events(events)));
        for _ in 0..MAX_FORWARD_ATTEMPTS {
            match self.context.bus.post(&mailbox, &message).await {
                Ok(()) | Err(SendError::NoMailbox) => return FORWARDING.succeeded(),
                Err(error) => warn_failure!(FORWARDING, %error, %edge, "failed to forward events, retrying"),
            }
            sleep(FORWARD_RETRY_INTERVAL).await;
        }
        error_failure!(LOSING, %edge, "failed to forward events, they are lost");
    }

    /// Looks up the owner of a session that is not here and not in the forwarding table. The session has ended, is
    /// moving between edges, or has left this edge long ago. The guard keeps the message in the mailbox until the
    /// owner is known.
    async fn deliver_to_unknown_owner(self, events: Events, _guard: AckGuard) {
        for _ in 0..MAX_OWNER_LOOKUPS {
            let found = self.context.directory.session(events.session).await;
            if found.is_ok() {
                LOOKING_UP.succeeded();
            }
            match found {
                Ok(Some(session)) if session.edge != self.context.id => {
                    // During a takeover two edges may each believe that the other is the owner.
                    sleep(FORWARD_RETRY_INTERVAL).await;
                    return self.forward(&session.edge, events).await;
                }
                Ok(_) => return self.undo_for_ended_session(&events).await,
                Err(error) => {
                    let session = events.session;
                    warn_failure!(LOOKING_UP, %error, %session, "failed to look up the owner of a session, retrying");
                }
            }
            sleep(OWNER_LOOKUP_INTERVAL).await;
        }
    }

    /// Hangs up the call, or releases the name, that events bring to a session that has ended.
    async fn undo_for_ended_session(&self, events: &Events) {
        let mut cx = Cx::new(Instant::now());
        cx.undo(events);
        for action in cx.into_actions() {
            if let Action::Publish(destination, message, handle) = action
                && let Err(error) = self.publisher.publish(&destination, &message, handle).await
            {
                warn_failure!(UNDOING, %error, %handle, "failed to undo an event for a session that has ended");
            }
        }
    }
}
