//! The connector: speaks to Janus servers. One backend is served by one connector at a time, the one
//! that has its lease. It never knows a client's socket.
//!
//! The way of a call: the backend's mailbox → [`backend`] → [`calls`] decides → [`janus`]; what Janus
//! says → [`calls`] → [`outbox`] → the client's edge.
//!
//! | file | holds |
//! |---|---|
//! | [`options`] | what an operator can set |
//! | [`sources`], [`found`] | which Janus servers there are |
//! | [`keeper`] | whose lease this connector has |
//! | [`backend`] | one Janus server: waits, lets decide, does |
//! | [`herald`], [`standing`] | keeps the lease and announces the backend; whether the lease is ours |
//! | [`probe`], [`breaker`] | whether the plugin of its Janus works; whether it is trusted with calls |
//! | [`conclude`] | the end of calls in the directory |
//! | [`calls`] | the decisions: pure, no socket, no clock |
//! | [`dial`], [`janus`] | the websocket to Janus |
//! | [`scribe`], [`estate`] | what is written down for the next connector, and read by it |
//! | [`outbox`] | the way to the edges and the rest services |
//! | [`numbers`] | what is counted and measured |
//!
//! How it fails: a Janus that is gone ends its calls, and both sides are told. A connector that dies
//! loses its leases within seconds; the next one ends the calls it finds.

pub mod backend;
pub mod breaker;
pub mod calls;
pub mod conclude;
pub mod dial;
pub mod estate;
pub mod found;
pub mod herald;
pub mod janus;
pub mod keeper;
pub mod numbers;
pub mod options;
pub mod outbox;
pub mod probe;
pub mod scribe;
pub mod sources;
pub mod standing;

pub use options::Options;

use janus::site::{Dialler, tcp};
use service::Context;

/// Why a connector cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It would have nothing to do.
    #[error(
        "name at least one Janus server with --backend NAME=ws://HOST:PORT or --backend dns+ws://HOST:PORT"
    )]
    NoBackend,
    /// A secret that does not say whose it is.
    #[error("--backend-api-secret and --backend-token have the form NAME=SECRET")]
    NamelessSecret,
}

/// Serves Janus servers until shutdown.
///
/// # Errors
/// When no server is named and none is to be found, or a secret is nobody's.
pub async fn run(options: Options, context: Context) -> Result<(), Error> {
    run_with(options, context, tcp()).await
}

/// Serves Janus servers that are reached in this way, until shutdown.
///
/// # Errors
/// When no server is named and none is to be found, or a secret is nobody's.
pub async fn run_with(options: Options, context: Context, dialler: Dialler) -> Result<(), Error> {
    if options.backends.is_empty() && options.ignore_discovered_backends {
        return Err(Error::NoBackend);
    }
    if !options.secrets_are_named() {
        return Err(Error::NamelessSecret);
    }
    numbers::describe();
    sources::serve(&options, context, dialler).await;
    Ok(())
}
