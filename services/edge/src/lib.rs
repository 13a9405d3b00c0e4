//! The edge: holds client websockets and speaks Janus' core API with them. It never picks a backend
//! and never speaks to Janus.
//!
//! The way in: [`server`] accepts → [`connection`] reads a frame → [`client`] finds session and
//! handle → [`handle`] decides → [`shared`] puts a message on the bus. The way back: [`mailbox`] →
//! the session's [`connection`] → [`handle`] → [`socket`].
//!
//! | file | holds |
//! |---|---|
//! | [`options`] | what an operator can set |
//! | [`server`], [`transport`], [`tls`], [`handshake`] | accepting; from bytes to a websocket |
//! | [`connection`] | one client: waits, lets decide, does |
//! | [`client`], [`session`], [`handle`] | the decisions: pure, no socket, no clock |
//! | [`access`] | secrets and tokens |
//! | [`act`] | what a decision asks to be done |
//! | [`socket`], [`json`], [`outlet`] | writing to a client, or keeping it until the client is back |
//! | [`registry`] | which connection has which session |
//! | [`mailbox`] | events from routers and connectors |
//! | [`shared`], [`crew`] | what all connections share; all tasks of an edge |
//!
//! How it fails: what cannot be put on the bus is an error for its client; what does not come back
//! in time too. A client that reads too slowly loses its socket, not its session. When the edge
//! stops, its sessions end and their peers are told.

pub mod access;
pub mod act;
pub mod client;
pub mod connection;
pub mod crew;
pub mod handle;
pub mod handshake;
pub mod json;
pub mod mailbox;
pub mod options;
pub mod outlet;
pub mod registry;
pub mod server;
pub mod session;
pub mod shared;
pub mod socket;
pub mod tls;
pub mod transport;

pub use options::Options;

use bus::topic::Mailbox;
use service::Context;
use shared::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use transport::Transport;

/// How often an edge gives a sign of life; routers take one that is silent for much longer as dead.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Why an edge cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate of `wss://` is of no use.
    #[error(transparent)]
    Certificate(#[from] tls::BadCertificate),
    /// Its mailbox could not be opened.
    #[error("the edge cannot open its mailbox: {0}")]
    Mailbox(#[from] bus::SendError),
    /// The directory does not know it.
    #[error("the edge cannot announce itself: {0}")]
    Directory(#[from] directory::Error),
}

/// Serves clients on `listener` until shutdown.
///
/// # Errors
/// When the certificate is of no use, or the bus or the directory is not there at the start; later
/// it waits for them.
pub async fn run(options: Options, listener: TcpListener, context: Context) -> Result<(), Error> {
    let tls = options.certificate().map(tls::acceptor).transpose()?;
    let edge = Edge::start(&options, context).await?;
    server::accept_all(listener, &edge.shared, tls).await;
    edge.stop().await;
    Ok(())
}

/// A running edge. Dropped without [`stop`](Self::stop) it falls silent at once, as one that is killed.
pub struct Edge {
    shared: Arc<Shared>,
}

impl Edge {
    /// Opens its mailbox, announces itself, and waits for clients.
    ///
    /// # Errors
    /// When the bus or the directory is not there; later it waits for them.
    pub async fn start(options: &Options, context: Context) -> Result<Self, Error> {
        let reader = context.bus.open(Mailbox::Edge(context.id.clone())).await?;
        context.directory.edge_alive(&context.id).await?;
        let shared = Arc::new(Shared::new(options, context));
        shared.background.spawn(mailbox::read(reader, shared.clone()));
        shared.background.spawn(sign_of_life(shared.clone()));
        Ok(Self { shared })
    }

    /// Serves a client that has connected.
    pub fn welcome(&self, stream: Box<dyn Transport>) {
        self.shared.connections.spawn(server::welcome(stream, self.shared.clone()));
    }

    /// Waits for the connections to end, which they do when the context is shut down.
    pub async fn stop(self) {
        let Shared { context, connections, background, .. } = &*self.shared;
        connections.wait().await;
        background.dismiss();
        leave(context).await;
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.shared.connections.dismiss();
        self.shared.background.dismiss();
    }
}

/// What cannot be removed now is removed by a router, which takes a silent edge as dead.
async fn leave(context: &Context) {
    if let Err(error) = context.bus.close(&Mailbox::Edge(context.id.clone())).await {
        tracing::warn!(%error, "the mailbox could not be closed");
    }
    if let Err(error) = context.directory.forget_edge(&context.id).await {
        tracing::warn!(%error, "the edge could not take its leave");
    }
}

async fn sign_of_life(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(SIGN_OF_LIFE);
    loop {
        ticks.tick().await;
        metrics::gauge!("switchboard_edge_sessions").set(shared.registry.count() as f64);
        if let Err(error) = shared.context.directory.edge_alive(&shared.context.id).await {
            tracing::warn!(%error, "the edge could not give a sign of life");
        }
    }
}
