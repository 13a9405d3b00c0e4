//! What all connections of an edge share.

use crate::canaries::ShardCanaries;
use crate::heartbeat::HeartbeatStatus;
use crate::load_shed::LoadShedder;
use crate::metrics;
use crate::options::{Limits, Options, SocketOptions};
use crate::persist::writer::SessionWriter;
use crate::registry::Registry;
use crate::session::action::Destination;
use crate::takeover::claim::PendingSurrenders;
use crate::takeover::forwarding::ForwardingTable;
use crate::takeover::orphaned_mailboxes::OrphanedMailboxes;
use crate::tasks::TaskGroup;
use bus::SendError;
use bus::ack_tracker::{AckGuard, AckTracker};
use bus::message::{Body, ClientRequest, Location, Message};
use bus::topic::{Mailbox, Queue};
use protocol::server_info::ServerInfo;
use protocol::{HandleRef, SessionId};
use service::{CancellationToken, Context};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};
use tracing::Instrument;

/// How long the bus may take to accept a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);
/// How often, once a second, what is given back is sent again.
const MAX_RESENDS: u32 = 30;
/// How long messages stay for an edge that has taken their session.
const ACK_DELAY: Duration = Duration::from_secs(2);

/// Shared by all connections.
pub struct Shared {
    /// The edge's context.
    pub context: Context,
    /// Which connection has which session.
    pub registry: Registry,
    /// The limits of clients.
    pub limits: Arc<Limits>,
    /// How websockets are treated.
    pub socket_options: SocketOptions,
    /// The answer to `info`.
    pub info: Arc<ServerInfo>,
    /// The tasks of connections.
    pub connections: TaskGroup,
    /// All other tasks.
    pub background: TaskGroup,
    /// Cancelled when the mailbox is not to be read any more.
    pub mailbox_closed: CancellationToken,
    /// Which messages of the mailbox are dealt with.
    pub acks: AckTracker,
    /// Writes sessions down.
    pub writer: SessionWriter,
    /// The sessions that other edges are asked for.
    pub surrenders: PendingSurrenders,
    /// Where sessions went.
    pub forwarding: ForwardingTable,
    /// What edges that are gone left.
    pub orphaned_mailboxes: OrphanedMailboxes,
    /// Whether the directory hears this edge.
    pub heartbeat: HeartbeatStatus,
    /// The roads that are watched.
    pub canaries: ShardCanaries,
    /// Whether there are too many calls.
    pub crowd: LoadShedder,
    location: Location,
    permits: Arc<Semaphore>,
}

impl Shared {
    /// What the connections of a new edge share.
    pub fn new(options: &Options, context: Context) -> Self {
        let socket_options = options.socket_options();
        Self {
            info: Arc::new(server_info(options, &context)),
            limits: Arc::new(options.limits()),
            location: options.location(),
            registry: Registry::default(),
            connections: TaskGroup::default(),
            background: TaskGroup::default(),
            permits: Arc::new(Semaphore::new(socket_options.max_connections)),
            mailbox_closed: CancellationToken::new(),
            acks: AckTracker::default(),
            writer: SessionWriter::default(),
            heartbeat: HeartbeatStatus::default(),
            surrenders: PendingSurrenders::default(),
            forwarding: ForwardingTable::default(),
            orphaned_mailboxes: OrphanedMailboxes::default(),
            crowd: LoadShedder::default(),
            canaries: ShardCanaries::new(&context, options.canary.interval().is_some()),
            socket_options,
            context,
        }
    }

    /// A client's place among all that may be connected; waits for one.
    pub async fn connection_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().acquire_owned().await.ok()
    }

    /// Waits until no client is connected.
    pub async fn all_disconnected(&self) {
        let all = self.socket_options.max_connections as u32;
        // Fails only for a semaphore that is closed, and nobody closes it.
        let _ = self.permits.acquire_many(all).await;
    }

    /// Messages whose session another edge has taken stay in the mailbox until that has read them.
    pub fn ack_later(&self, receipts: Vec<AckGuard>) {
        if !receipts.is_empty() {
            self.background.spawn(async move {
                sleep(ACK_DELAY).await;
                drop(receipts);
            });
        }
    }

    /// Whether another edge is known to have a session.
    pub async fn is_owned_elsewhere(&self, session: SessionId) -> bool {
        let Context { directory, id: own, .. } = &self.context;
        matches!(directory.session(session).await, Ok(Some(record)) if record.edge != *own)
    }

    /// Puts a message on the bus. What is given back or hung up is sent again in the background when it
    /// cannot be sent now: nobody else knows that the handle is gone, or the call not wanted.
    pub async fn publish(
        &self,
        road: &Destination,
        message: &Message,
        who: HandleRef,
    ) -> Result<(), SendError> {
        self.try_publish(road, message, who).instrument(message.span()).await
    }

    async fn try_publish(
        &self,
        road: &Destination,
        message: &Message,
        who: HandleRef,
    ) -> Result<(), SendError> {
        let gives_back = matches!(message.body, Body::Release(_) | Body::Abandon(_));
        // An edge that was frozen may give back what another edge has taken.
        if gives_back && self.is_owned_elsewhere(who.session).await {
            return Ok(());
        }
        let begins_call = matches!(message.body, Body::Call(_));
        let located = self.with_location(message);
        let message = located.as_ref().unwrap_or(message);
        let sent = match begins_call && self.crowd.is_shedding(Instant::now()) {
            true => Err(SendError::Full),
            false => publish(&self.context, road, message, who).await,
        };
        if sent.is_err() && (gives_back || matches!(message.body, Body::Hangup(_))) {
            let (context, road, message) = (self.context.clone(), road.clone(), message.clone());
            let sending = async move { retry_publish(&context, &road, &message, who).await };
            tokio::spawn(sending.in_current_span());
            return Ok(());
        }
        match &sent {
            Ok(()) => tracing::debug!(handle = %who, "a message is sent"),
            Err(SendError::Full) => {
                if begins_call {
                    metrics::call_refused();
                }
                // At such times there are many.
                tracing::debug!(handle = %who, "a message was not sent: the road is full")
            }
            Err(error) => tracing::warn!(%error, handle = %who, "a message was not sent"),
        }
        sent
    }
}

impl Shared {
    /// A call as one that comes from where this edge stands; none where that is nowhere.
    fn with_location(&self, message: &Message) -> Option<Message> {
        let Body::Call(asks) = &message.body else { return None };
        let site = Some(self.location.clone()).filter(|site| !site.is_unspecified())?;
        Some(Message { body: Body::Call(ClientRequest { location: site, ..asks.clone() }), ..*message })
    }
}

async fn publish(
    context: &Context,
    road: &Destination,
    message: &Message,
    who: HandleRef,
) -> Result<(), SendError> {
    let sending = async {
        match road {
            Destination::Requests => context.bus.enqueue(Queue::requests_for(who.session), message).await,
            Destination::Backend(name) => context.bus.post(&Mailbox::Backend(name.clone()), message).await,
        }
    };
    let too_long = |_| SendError::Unavailable("it does not answer".to_owned());
    tokio::time::timeout(SEND_TIMEOUT, sending).await.map_err(too_long)?
}

async fn retry_publish(context: &Context, road: &Destination, message: &Message, who: HandleRef) {
    for _ in 0..MAX_RESENDS {
        sleep(Duration::from_secs(1)).await;
        if publish(context, road, message, who).await.is_ok() {
            return;
        }
    }
    tracing::error!(handle = %who, "a handle that is gone, or a call that is not wanted, could not be given back");
}

fn server_info(options: &Options, context: &Context) -> ServerInfo {
    ServerInfo {
        server_name: options.server_name.clone().unwrap_or_else(|| context.id.to_string()),
        version_string: env!("CARGO_PKG_VERSION").to_owned(),
        session_timeout: options.session_timeout,
        reclaim_session_timeout: options.reclaim_timeout,
        accepting_new_sessions: true,
        api_secret: options.api_secret.is_some(),
        auth_token: options.token_auth_secret.is_some(),
    }
}
