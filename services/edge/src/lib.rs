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

pub mod access;
pub mod act;
pub mod canaries;
pub mod claim;
pub mod client;
pub mod connection;
pub mod counted;
pub mod crew;
pub mod crowd;
pub mod estates;
pub mod flood;
pub mod forwards;
pub mod handle;
pub mod handshake;
pub mod json;
pub mod life;
pub mod mailbox;
pub mod moved;
pub mod numbers;
pub mod options;
pub mod outlet;
pub mod parting;
pub mod registry;
pub mod scribe;
pub mod server;
pub mod session;
pub mod shared;
pub mod socket;
pub mod tls;
pub mod transport;
pub mod unsaved;

pub use options::Options;

use bus::topic::Mailbox;
use canaries::ShardCanaries;
use estates::OrphanedMailboxes;
use scribe::SessionWriter;
use service::Context;
use shared::Shared;
use std::sync::Arc;
use tokio::net::TcpListener;
use transport::Transport;

/// Why an edge cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate of `wss://` is of no use.
    #[error(transparent)]
    Certificate(#[from] tls::CertificateError),
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
    let tls = options.certificate_files().map(tls::acceptor).transpose()?;
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
        numbers::describe();
        let reader = context.bus.open(Mailbox::Edge(context.id.clone())).await?;
        context.directory.heartbeat(&context.id).await?;
        let shared = Arc::new(Shared::new(options, context));
        let crew = &shared.background;
        crew.spawn(mailbox::read(reader, shared.clone()));
        crew.spawn(SessionWriter::run(shared.clone()));
        crew.spawn(OrphanedMailboxes::run(shared.clone()));
        crew.spawn(life::run(shared.clone()));
        if let Some(every) = options.canary.interval() {
            ShardCanaries::spawn(&shared, every);
        }
        Ok(Self { shared })
    }

    /// Serves a client that has connected.
    pub fn serve_transport(&self, stream: Box<dyn Transport>) {
        self.shared.connections.spawn(server::serve_transport(stream, self.shared.clone()));
    }

    /// Hands its sessions over, or ends them, as its context says, once that is shut down.
    pub async fn stop(self) {
        parting::run(&self.shared).await;
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.shared.mailbox_closed.cancel();
        self.shared.background.abort_all();
        self.shared.connections.abort_all();
    }
}
