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
//! | [`connection`], [`flood`] | one client: waits, lets decide, does |
//! | [`crowd`] | whether there are too many calls |
//! | [`client`], [`session`], [`handle`] | the decisions: pure, no socket, no clock |
//! | [`access`] | secrets and tokens |
//! | [`act`] | what a decision asks to be done |
//! | [`socket`], [`counted`], [`json`], [`outlet`] | writing to a client, or keeping it until the client is back |
//! | [`registry`] | which connection has which session |
//! | [`mailbox`] | what comes from routers, connectors and other edges |
//! | [`scribe`], [`unsaved`] | sessions are written down, so that another edge can go on with them |
//! | [`claim`], [`moved`], [`estates`], [`forwards`] | a session comes from another edge, or goes to one |
//! | [`life`], [`canaries`] | whether this edge is known, and its roads are open |
//! | [`parting`] | the edge stops |
//! | [`shared`], [`crew`] | what all connections share; all tasks |
//! | [`numbers`] | what is counted and measured |
//!
//! How it fails: what cannot be put on the bus is an error for its client; what does not come back
//! in time too. A client that reads too slowly loses its socket, not its session. When the edge stops
//! or dies, its sessions wait in the directory to be claimed at another, and what was for them waits
//! in its mailbox.

pub mod load_shed;

mod auth;
mod canaries;
mod connection;
mod heartbeat;
mod mailbox;
mod metrics;
mod net;
mod options;
mod persist;
mod registry;
mod session;
mod shared;
mod shutdown;
mod takeover;
mod tasks;

pub use options::Options;

use bus::topic::Mailbox;
use canaries::ShardCanaries;
pub use net::transport::Transport;
use persist::writer::SessionWriter;
use service::Context;
use shared::Shared;
use std::sync::Arc;
use takeover::orphaned_mailboxes::OrphanedMailboxes;
use tokio::net::TcpListener;

/// Why an edge cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate of `wss://` is of no use.
    #[error(transparent)]
    Certificate(#[from] net::tls::CertificateError),
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
    let tls = options.certificate_files().map(net::tls::acceptor).transpose()?;
    let edge = Edge::start(&options, context).await?;
    net::listener::accept_all(listener, &edge.shared, tls).await;
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
        metrics::describe();
        let reader = context.bus.open(Mailbox::Edge(context.id.clone())).await?;
        context.directory.heartbeat(&context.id).await?;
        let shared = Arc::new(Shared::new(options, context));
        let crew = &shared.background;
        crew.spawn(mailbox::read(reader, shared.clone()));
        crew.spawn(SessionWriter::run(shared.clone()));
        crew.spawn(OrphanedMailboxes::run(shared.clone()));
        crew.spawn(heartbeat::run(shared.clone()));
        if let Some(every) = options.canary.interval() {
            ShardCanaries::spawn(&shared, every);
        }
        Ok(Self { shared })
    }

    /// Serves a client that has connected.
    pub fn serve_transport(&self, stream: Box<dyn Transport>) {
        self.shared.connections.spawn(net::listener::serve_transport(stream, self.shared.clone()));
    }

    /// Hands its sessions over, or ends them, as its context says, once that is shut down.
    pub async fn stop(self) {
        shutdown::run(&self.shared).await;
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.shared.mailbox_closed.cancel();
        self.shared.background.abort_all();
        self.shared.connections.abort_all();
    }
}
