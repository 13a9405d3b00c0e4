//! The connector: the service that talks to Janus servers. Each backend is served by one connector at a
//! time, the one that holds its lease.
//!
//! The path of a call: the backend's mailbox → [`backend`] → [`calls`] decides → [`janus`].
//!
//! And back: [`janus`] → [`calls`] → [`outbox`] → the client's edge.
//!
//! | module | holds |
//! |---|---|
//! | [`discovery`] | which Janus servers there are |
//! | [`lease`] | acquiring and renewing the leases on backends |
//! | [`backend`] | the loop that serves one Janus server |
//! | [`calls`] | the state machine of all calls on it, without sockets or clock |
//! | [`janus`] | the websocket to Janus |
//! | [`probe`], [`breaker`] | whether the backend works and gets new calls |
//! | [`persist`] | the state stored in the directory for the next connector |
//! | [`outbox`], [`undelivered`] | messages to edges and rest services, and what follows from their loss |
//!
//! # Failures
//! When a Janus server fails, its calls end with both sides notified. When a connector dies, its leases
//! expire within seconds, and other connectors resume its calls.

pub mod backend {
    mod event_guard;
    mod finalizer;
    mod lifecycle;
    mod run;

    pub use lifecycle::serve;
    pub use run::StopReason;
}
pub mod breaker;
pub mod calls {
    pub mod action;
    pub mod attempt;
    pub mod call;
    mod end;
    mod fallback;
    mod janus_state;
    pub mod leg;
    mod machine;
    mod proxy_calls;
    mod recording;
    mod relay;
    mod requests;
    mod setup;
    mod takeover;
    #[cfg(test)]
    mod tests;
    mod timings;
    mod undeliverable;

    pub use machine::{Calls, CallsConfig};
}
pub mod discovery;
pub mod janus {
    pub mod connect;
    pub mod endpoint;
    pub mod link;
    pub mod message;
    pub mod reconnect;
}
pub mod lease {
    pub mod acquire;
    pub mod renew;
    pub mod state;
}
pub mod metrics;
pub mod options;
pub mod outbox;
pub mod persist {
    pub mod recovery;
    #[cfg(test)]
    mod tests;
    pub mod writer;
}
pub mod probe;
pub mod undelivered;

pub use options::Options;

use janus::endpoint::{Dialler, tcp};
use service::Context;

/// Why a connector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "name at least one Janus server with --backend NAME=ws://HOST:PORT or --backend dns+ws://HOST:PORT"
    )]
    NoBackend,
    #[error("--backend-api-secret and --backend-token have the form NAME=SECRET")]
    UnnamedSecret,
}

/// Serves Janus servers until shutdown.
///
/// # Errors
/// When there can be no server, or a secret does not name its backend.
pub async fn run(options: Options, context: Context) -> Result<(), Error> {
    run_with(options, context, tcp()).await
}

/// As [`run`], with connections of this dialler.
///
/// # Errors
/// As [`run`].
pub async fn run_with(options: Options, context: Context, dialler: Dialler) -> Result<(), Error> {
    if options.backends.is_empty() && options.ignore_discovered_backends {
        return Err(Error::NoBackend);
    }
    if !options.secrets_are_named() {
        return Err(Error::UnnamedSecret);
    }
    metrics::describe();
    discovery::serve(&options, context, dialler).await;
    Ok(())
}
