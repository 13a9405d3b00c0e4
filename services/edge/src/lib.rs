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
//!
//! How it fails: what cannot be put on the bus is an error for its client; what does not come back
//! in time too. A client that reads too slowly loses its socket, not its session. When the edge
//! stops, its sessions end and their peers are told.

pub mod access;
pub mod act;
pub mod client;
pub mod connection;
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
use protocol::server_info::ServerInfo;
use registry::Registry;
use service::Context;
use shared::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How often an edge gives a sign of life; routers take one that is silent for much longer as dead.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

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
    let id = context.id.clone();
    let mailbox = Mailbox::Edge(id.clone());
    let reader = context.bus.open(mailbox.clone()).await?;
    context.directory.edge_alive(&id).await?;
    let shared = Arc::new(Shared {
        info: Arc::new(info(&options, &context)),
        limits: Arc::new(options.limits()),
        manners: options.manners(),
        registry: Registry::default(),
        context: context.clone(),
    });
    let background =
        [tokio::spawn(mailbox::read(reader, shared.clone())), tokio::spawn(sign_of_life(shared.clone()))];
    server::serve(listener, shared, tls).await;
    background.iter().for_each(tokio::task::JoinHandle::abort);
    leave(&context, &mailbox).await;
    Ok(())
}

/// What cannot be removed now is removed by a router, which takes a silent edge as dead.
async fn leave(context: &Context, mailbox: &Mailbox) {
    if let Err(error) = context.bus.close(mailbox).await {
        tracing::warn!(%error, "the mailbox could not be closed");
    }
    if let Err(error) = context.directory.forget_edge(&context.id).await {
        tracing::warn!(%error, "the edge could not take its leave");
    }
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
