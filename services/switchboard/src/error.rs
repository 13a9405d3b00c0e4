//! Why a process ended although nobody told it to.

use service::options::RedisOptionsError;
use std::io;
use tokio::task::JoinError;

/// In words for whoever started the process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system gives no threads.
    #[error("the process cannot be started: {0}")]
    Runtime(#[source] io::Error),
    /// There is no log.
    #[error(transparent)]
    Log(#[from] service::logging::LoggingError),
    /// Signals cannot be heard.
    #[error("signals cannot be listened to: {0}")]
    Signals(#[source] io::Error),
    /// An address to listen on is taken, or is none of this machine's.
    #[error("{flag} {address}: {source}")]
    Listen {
        /// The flag that named it.
        flag: &'static str,
        /// The address.
        address: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// `--redis` or `--redis-ca` makes no sense.
    #[error(transparent)]
    Redis(#[from] RedisOptionsError),
    /// Redis does not answer a command that does not wait for it.
    #[error("{redis} does not answer: {error}")]
    Unreachable {
        /// Where it is, without its password.
        redis: String,
        /// What the bus says.
        error: bus::SendError,
    },
    /// Nothing can be printed.
    #[error("the output cannot be written: {0}")]
    Output(#[source] io::Error),
    /// The process that was asked about does not answer, or is not ready.
    #[error(transparent)]
    Health(#[from] crate::health::HealthError),
    /// A load came to no result.
    #[error(transparent)]
    Load(#[from] ::load::Error),
    /// `--rest` is no address of a rest service.
    #[error(transparent)]
    RestUrl(#[from] crate::top::InvalidRestUrl),
    /// The file with its secret is of no use.
    #[error(transparent)]
    Secret(#[from] service::secret::SecretFileError),
    /// Rest does not tell how the cluster is.
    #[error(transparent)]
    Top(#[from] crate::top::RestError),
    /// The output of `top` goes elsewhere.
    #[error("top wants a terminal; elsewhere use --once, or --once --json")]
    NoTerminal,
    /// The terminal does not do what is asked of it.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[source] io::Error),
    /// There is no story of a call.
    #[error(transparent)]
    Trace(#[from] crate::trace::TraceError),
    /// The edge failed.
    #[error(transparent)]
    Edge(#[from] edge::Error),
    /// The router failed.
    #[error(transparent)]
    Router(#[from] router::Error),
    /// The connector failed.
    #[error(transparent)]
    Connector(#[from] connector::Error),
    /// The rest service failed.
    #[error(transparent)]
    Rest(#[from] rest::Error),
    /// A service panicked, which is a bug; the log has the place.
    #[error("a service failed: {0}")]
    Panicked(#[from] JoinError),
    /// A service came to its end while it was to go on.
    #[error("a service ended before it was told to")]
    EndedEarly,
}
