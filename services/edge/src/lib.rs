//! The edge: holds the websockets of clients and speaks Janus' core API with them. It does not choose backends and
//! does not connect to Janus servers.
//!
//! A request passes [`net`] → [`connection`] → [`session`] → [`publisher`] → bus.
//! An event passes [`mailbox`] → [`delivery`] → [`connection`] → [`session`] → [`net`].
//!
//! | module | what it does |
//! |---|---|
//! | [`net`] | accepts clients; from bytes to websocket frames, and back |
//! | [`connection`] | the task of one client: waits for input and performs the actions that follow |
//! | [`session`] | the decisions, as state machines without I/O |
//! | [`persist`] | stores sessions in the directory, so that another edge can take them over |
//! | [`takeover`] | moves sessions from edge to edge |
//! | [`mailbox`], [`delivery`], [`registry`] | bring messages from other services to sessions |
//! | [`publisher`] | sends messages to routers and connectors |
//! | [`heartbeat`] | which edges are alive, as the directory sees it |
//!
//! If a message cannot be sent, or its reply does not come in time, the client gets an error. A client that reads too
//! slowly loses its socket, but not its session. When the edge stops or dies, its sessions wait in the directory, and
//! their undelivered messages in its mailbox, until another edge claims them.

mod auth;
mod capacity;
mod client_memory;
mod components;
mod connection;
mod context;
mod delivery;
mod fair_use;
mod heartbeat;
mod mailbox;
mod message_size;
mod metrics;
mod options;
mod publisher;
mod registry;
mod session;
mod wrong_secrets;

mod net {
    pub mod address {
        pub mod limit;
        pub mod report;
        pub mod state;
        pub mod table;
    }
    pub mod allowance;
    pub mod closing;
    pub mod counting_transport;
    pub mod frame_meter;
    pub mod handshake;
    pub mod input_limits;
    pub mod listener;
    pub mod output;
    pub mod proxy_header;
    pub mod rate_limit;
    pub mod rewound;
    pub mod socket;
    pub mod transport;
    pub mod websocket;
}

mod persist {
    pub mod dirty;
    pub mod writer;
}

mod takeover {
    pub mod claim;
    pub mod orphaned_mailboxes;
    pub mod relocation;
}

pub use net::transport::CertificateError;
pub use options::Options;
pub use publisher::SHED_DURATION;

use bus::topic::Mailbox;
use common::transport::Transport;
use common::{ErrorLog, warn_failure};
use components::Components;
use net::{listener, transport};
use service::Context;
use service::canary::CanaryTarget;
use service::secret::WeakSecret;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

static STARTING: ErrorLog = ErrorLog::new("starting the edge");

/// The share of the time for the shutdown, as a divisor, that is kept for deregistering from the directory.
const DEREGISTER_SHARE: u32 = 4;
/// The condition in `/readyz` that is unmet while the edge cannot start.
const START_CONDITION: &str = "start";
const START_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Why an edge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    WeakSecret(#[from] WeakSecret),
    #[error("failed to read the address of the listener: {0}")]
    Listener(#[from] std::io::Error),
    #[error("failed to open the mailbox of the edge: {0}")]
    Mailbox(#[from] bus::SendError),
    #[error("failed to register the edge: {0}")]
    Directory(#[from] directory::Error),
}

/// Serves clients on `listener` until shutdown. Waits for bus and directory, also at the start.
///
/// # Errors
/// When the certificate cannot be used, or a secret is too easy to guess.
pub async fn run(options: Options, listener: TcpListener, context: Context) -> Result<(), Error> {
    let address = listener.local_addr()?;
    options.check_address(address)?;
    let options = options.within_file_limit();
    let tls = options.certificate_files().map(transport::tls_acceptor).transpose()?;
    let shutdown = context.shutdown.clone();
    let starting = Edge::start_with_retries(&options, context);
    let Some(edge) = shutdown.run_until_cancelled(starting).await else { return Ok(()) };
    let origins = options.origin_policy(Some(address));
    listener::accept_all(listener, &edge.parts, tls, &origins).await;
    edge.stop().await;
    Ok(())
}

/// A running edge. Dropped without [`stop`](Self::stop) it ends at once, as if it were killed.
pub struct Edge {
    parts: Arc<Components>,
}

impl Edge {
    /// Starts as soon as bus and directory allow it. Until then `/readyz` has the reason.
    async fn start_with_retries(options: &Options, context: Context) -> Self {
        let health = context.health.clone();
        loop {
            let error = match Self::start(options, context.clone()).await {
                Ok(edge) => {
                    STARTING.succeeded();
                    health.remove(START_CONDITION);
                    return edge;
                }
                Err(error) => error.to_string(),
            };
            warn_failure!(STARTING, error, "the edge cannot start, retrying");
            health.set_unready(START_CONDITION, &error);
            sleep(START_RETRY_INTERVAL).await;
        }
    }

    /// Opens the mailbox, registers the edge, and starts its tasks.
    ///
    /// # Errors
    /// When bus or directory are unavailable.
    pub async fn start(options: &Options, context: Context) -> Result<Self, Error> {
        metrics::describe();
        let reader = context.bus.open(Mailbox::Edge(context.id.clone())).await?;
        context.directory.heartbeat(&context.id).await?;
        let parts = Arc::new(Components::new(options, context));
        let tasks = &parts.context.background;
        tasks.spawn(mailbox::run(reader, parts.clone()));
        tasks.spawn(parts.writer.clone().run());
        tasks.spawn(capacity::run(parts.context.clone()));
        tasks.spawn(parts.takeover.orphaned_mailboxes.clone().run());
        tasks.spawn(heartbeat::run(
            parts.context.clone(),
            parts.registry.clone(),
            parts.acks.clone(),
            parts.heartbeat.clone(),
        ));
        let edge = Self { parts };
        if let Some(interval) = options.canary.interval() {
            edge.spawn_canaries(interval);
        }
        Ok(edge)
    }

    fn spawn_canaries(&self, interval: Duration) {
        for (queue, canary) in self.parts.canaries.clone() {
            let bus = self.parts.context.bus.clone();
            let target = CanaryTarget::Queue(queue);
            self.parts.context.background.spawn(async move { canary.run(&bus, &target, interval).await });
        }
    }

    /// Serves a client over a transport that was opened elsewhere.
    pub fn serve_transport(&self, stream: Box<dyn Transport>) {
        let origins = net::handshake::OriginPolicy::new(&[], None);
        self.parts.context.connections.spawn(listener::serve_transport(stream, self.parts.clone(), origins));
    }
}

/// Graceful shutdown, within the time that is configured for it, even if other services hang.
///
/// If other edges can take over the sessions, the sockets are closed one after the other, and each client reconnects
/// elsewhere. Its undelivered messages are stored or stay in the mailbox. Otherwise all sessions end.
impl Edge {
    /// Hands the sessions over or ends them, by the shutdown policy, once the context's `shutdown` is cancelled.
    pub async fn stop(self) {
        let policy = self.parts.context.shutdown_policy;
        let deregister_timeout = policy.timeout / DEREGISTER_SHARE;
        let work = async {
            if policy.hand_over {
                self.hand_over().await;
            } else {
                self.parts.context.connections.wait().await;
            }
        };
        let is_complete = timeout(policy.timeout - deregister_timeout, work).await.is_ok();
        if !is_complete {
            tracing::warn!("shutdown: the deadline has passed, some sessions were not handed over");
        }
        self.parts.mailbox_closed.cancel();
        let deregister = async {
            if !policy.hand_over {
                self.remove().await;
            } else if is_complete {
                self.deregister().await;
            }
            // Otherwise some stored sessions count as connected. The directory lets them expire from now on, as for an
            // edge that was killed.
        };
        if timeout(deregister_timeout, deregister).await.is_err() {
            tracing::warn!("shutdown: could not deregister the edge before the deadline");
        }
    }

    /// Waits until every client is disconnected and every session is stored.
    async fn hand_over(&self) {
        self.parts.context.all_disconnected().await;
        self.parts.mailbox_closed.cancel();
        self.parts.writer.flushed().await;
    }

    /// From now on other edges take over the sessions without a request to this one.
    async fn deregister(&self) {
        let context = &self.parts.context;
        if let Err(error) = context.directory.deregister_edge(&context.id).await {
            tracing::warn!(%error, "shutdown: failed to deregister the edge");
        }
    }

    /// Removes the mailbox and the record of the edge. If that fails, a router removes them later, as for a dead edge.
    async fn remove(&self) {
        let context = &self.parts.context;
        if let Err(error) = context.bus.close(&Mailbox::Edge(context.id.clone())).await {
            tracing::warn!(%error, "shutdown: failed to close the mailbox");
        }
        if let Err(error) = context.directory.remove_edge(&context.id).await {
            tracing::warn!(%error, "shutdown: failed to remove the edge");
        }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.parts.mailbox_closed.cancel();
        self.parts.context.background.abort_all();
        self.parts.context.connections.abort_all();
    }
}
