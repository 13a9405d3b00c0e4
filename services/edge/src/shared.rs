//! What all connections of an edge share.

use crate::act::Road;
use crate::crew::Crew;
use crate::options::{Limits, Manners, Options};
use crate::registry::Registry;
use bus::SendError;
use bus::message::{Body, Message};
use bus::topic::{Mailbox, Queue};
use protocol::HandleRef;
use protocol::server_info::ServerInfo;
use service::Context;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long the bus may take to accept a message.
const SEND_PATIENCE: Duration = Duration::from_secs(2);
/// How often, once a second, what is given back is sent again.
const TRIES: u32 = 30;

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
    places: Arc<Semaphore>,
}

impl Shared {
    /// What the connections of a new edge share.
    pub fn new(options: &Options, context: Context) -> Self {
        let manners = options.manners();
        Self {
            info: Arc::new(info(options, &context)),
            limits: Arc::new(options.limits()),
            registry: Registry::default(),
            connections: Crew::default(),
            background: Crew::default(),
            places: Arc::new(Semaphore::new(manners.max_connections)),
            manners,
            context,
        }
    }

    /// A client's place among all that may be connected; waits for one.
    pub async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// Puts a message on the bus. What is given back is sent again in the background when it cannot
    /// be sent now: nobody else knows that the handle is gone, or the call not wanted.
    pub async fn send(&self, road: &Road, message: &Message, who: HandleRef) -> Result<(), SendError> {
        let sent = send(&self.context, road, message, who).await;
        if sent.is_err() && matches!(message.body, Body::Release(_) | Body::Abandon(_)) {
            let (context, message) = (self.context.clone(), message.clone());
            tokio::spawn(async move { send_again(&context, &message, who).await });
            return Ok(());
        }
        sent
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

async fn send_again(context: &Context, message: &Message, who: HandleRef) {
    for _ in 0..TRIES {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if send(context, &Road::Requests, message, who).await.is_ok() {
            return;
        }
    }
    tracing::error!(handle = %who, "a handle that is gone could not be released");
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
