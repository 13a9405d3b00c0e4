//! Why the process exits with an error; the operator reads the text.

use crate::{calls, health, top, trace};
use service::options::RedisOptionsError;
use std::io;
use tokio::task::JoinError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to start threads: {0}")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Log(#[from] service::logging::LoggingError),
    #[error("failed to listen to signals: {0}")]
    Signals(#[source] io::Error),
    /// The address is in use, or not an address of this machine.
    #[error("{flag} {address}: {source}")]
    Listen { flag: &'static str, address: String, source: io::Error },
    /// `--redis` or `--redis-ca` is invalid.
    #[error(transparent)]
    Redis(#[from] RedisOptionsError),
    #[error(transparent)]
    Calls(#[from] calls::CallsError),
    #[error(transparent)]
    Health(#[from] health::HealthError),
    #[error(transparent)]
    Load(#[from] load::Error),
    #[error(transparent)]
    Top(#[from] top::TopError),
    #[error(transparent)]
    Trace(#[from] trace::TraceError),
    #[error(transparent)]
    Edge(#[from] edge::Error),
    #[error(transparent)]
    Router(#[from] router::Error),
    #[error(transparent)]
    Connector(#[from] connector::Error),
    #[error(transparent)]
    Rest(#[from] rest::Error),
    /// A bug; the log has the place.
    #[error("a service panicked: {0}")]
    Panicked(#[from] JoinError),
    #[error("a service ended although it was not told to stop")]
    EndedEarly,
}
