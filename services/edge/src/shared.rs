//! What all connections of an edge share.

use crate::act::Road;
use crate::canaries::Canaries;
use crate::claim::Claims;
use crate::crew::Crew;
use crate::crowd::Crowd;
use crate::estates::Estates;
use crate::forwards::Forwards;
use crate::life::Signs;
use crate::numbers;
use crate::options::{Limits, Manners, Options};
use crate::registry::Registry;
use crate::scribe::Scribe;
use bus::SendError;
use bus::ledger::{Ledger, Receipt};
use bus::message::{Body, ClientRequest, Message, Site};
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
const SEND_PATIENCE: Duration = Duration::from_secs(2);
/// How often, once a second, what is given back is sent again.
const TRIES: u32 = 30;
/// How long messages stay for an edge that has taken their session.
const LEFT_TO_HEIR: Duration = Duration::from_secs(2);

/// Shared by all connections.
pub struct Shared {
    /// The edge's context.
    pub context: Context,
    /// Which connection has which session.
    pub registry: Registry,
    /// The limits of clients.
    pub limits: Arc<Limits>,
    /// How websockets are treated.
    pub manners: Manners,
    /// The answer to `info`.
    pub info: Arc<ServerInfo>,
    /// The tasks of connections.
    pub connections: Crew,
    /// All other tasks.
    pub background: Crew,
    /// Cancelled when the mailbox is not to be read any more.
    pub parted: CancellationToken,
    /// Which messages of the mailbox are dealt with.
    pub ledger: Ledger,
    /// Writes sessions down.
    pub scribe: Scribe,
    /// The sessions that other edges are asked for.
    pub claims: Claims,
    /// Where sessions went.
    pub forwards: Forwards,
    /// What edges that are gone left.
    pub estates: Estates,
    /// Whether the directory hears this edge.
    pub signs: Signs,
    /// The roads that are watched.
    pub canaries: Canaries,
    /// Whether there are too many calls.
    pub crowd: Crowd,
    site: Site,
    places: Arc<Semaphore>,
}

impl Shared {
    /// What the connections of a new edge share.
    pub fn new(options: &Options, context: Context) -> Self {
        let manners = options.manners();
        Self {
            info: Arc::new(info(options, &context)),
            limits: Arc::new(options.limits()),
            site: options.site(),
            registry: Registry::default(),
            connections: Crew::default(),
            background: Crew::default(),
            places: Arc::new(Semaphore::new(manners.max_connections)),
            parted: CancellationToken::new(),
            ledger: Ledger::default(),
            scribe: Scribe::default(),
            signs: Signs::default(),
            claims: Claims::default(),
            forwards: Forwards::default(),
            estates: Estates::default(),
            crowd: Crowd::default(),
            canaries: Canaries::new(&context, options.canary.every().is_some()),
            manners,
            context,
        }
    }

    /// A client's place among all that may be connected; waits for one.
    pub async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// Waits until no client is connected.
    pub async fn nobody_is_here(&self) {
        let all = self.manners.max_connections as u32;
        // Fails only for a semaphore that is closed, and nobody closes it.
        let _ = self.places.acquire_many(all).await;
    }

    /// Messages whose session another edge has taken stay in the mailbox until that has read them.
    pub fn leave_to_heir(&self, receipts: Vec<Receipt>) {
        if !receipts.is_empty() {
            self.background.spawn(async move {
                sleep(LEFT_TO_HEIR).await;
                drop(receipts);
            });
        }
    }

    /// Whether another edge is known to have a session.
    pub async fn is_elsewhere(&self, session: SessionId) -> bool {
        let Context { directory, id: own, .. } = &self.context;
        matches!(directory.session(session).await, Ok(Some(record)) if record.edge != *own)
    }

    /// Puts a message on the bus. What is given back or hung up is sent again in the background when it
    /// cannot be sent now: nobody else knows that the handle is gone, or the call not wanted.
    pub async fn send(&self, road: &Road, message: &Message, who: HandleRef) -> Result<(), SendError> {
        self.pass_on(road, message, who).instrument(message.span()).await
    }

    async fn pass_on(&self, road: &Road, message: &Message, who: HandleRef) -> Result<(), SendError> {
        let gives_back = matches!(message.body, Body::Release(_) | Body::Abandon(_));
        // An edge that was frozen may give back what another edge has taken.
        if gives_back && self.is_elsewhere(who.session).await {
            return Ok(());
        }
        let begins_call = matches!(message.body, Body::Call(_));
        let located = self.located(message);
        let message = located.as_ref().unwrap_or(message);
        let sent = match begins_call && self.crowd.lasts(Instant::now()) {
            true => Err(SendError::Full),
            false => send(&self.context, road, message, who).await,
        };
        if sent.is_err() && (gives_back || matches!(message.body, Body::Hangup(_))) {
            let (context, road, message) = (self.context.clone(), road.clone(), message.clone());
            let sending = async move { send_again(&context, &road, &message, who).await };
            tokio::spawn(sending.in_current_span());
            return Ok(());
        }
        match &sent {
            Ok(()) => tracing::debug!(handle = %who, "a message is sent"),
            Err(SendError::Full) => {
                if begins_call {
                    numbers::call_refused();
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
    fn located(&self, message: &Message) -> Option<Message> {
        let Body::Call(asks) = &message.body else { return None };
        let site = Some(self.site.clone()).filter(|site| !site.is_nowhere())?;
        Some(Message { body: Body::Call(ClientRequest { site, ..asks.clone() }), ..*message })
    }
}

async fn send(context: &Context, road: &Road, message: &Message, who: HandleRef) -> Result<(), SendError> {
    let sending = async {
        match road {
            Road::Requests => context.bus.enqueue(Queue::requests_of(who.session), message).await,
            Road::Backend(name) => context.bus.post(&Mailbox::Backend(name.clone()), message).await,
        }
    };
    let too_long = |_| SendError::Unavailable("it does not answer".to_owned());
    tokio::time::timeout(SEND_PATIENCE, sending).await.map_err(too_long)?
}

async fn send_again(context: &Context, road: &Road, message: &Message, who: HandleRef) {
    for _ in 0..TRIES {
        sleep(Duration::from_secs(1)).await;
        if send(context, road, message, who).await.is_ok() {
            return;
        }
    }
    tracing::error!(handle = %who, "a handle that is gone, or a call that is not wanted, could not be given back");
}

fn info(options: &Options, context: &Context) -> ServerInfo {
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
