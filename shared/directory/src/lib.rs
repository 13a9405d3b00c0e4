//! Who is where: names, handles, sessions, calls, backends, leases.
//!
//! Every operation touches one key in one atomic step, or says in its doc in which order it touches
//! several and what is left when it stops half-way; whoever needs more composes them so that doing
//! them again ends in the same state. `contract/` has the operations, part by part; [`memory`] and
//! [`redis`] both keep it, and `tests/conformance` says so for both.
//!
//! | record | owner | end |
//! |---|---|---|
//! | user (a name) | the handle that registered it | released, moved to another handle, or its edge reaped |
//! | handle | its edge | released, or its edge reaped |
//! | session | its edge, or the next that claims it | ended, or its edge dead and its grace over |
//! | call | the backend it is on | freed |
//! | that a call is over | nobody | [`OVER_LIFE`] over |
//! | backend | the connector that announces it | its announcement expires |
//! | note of a backend | the connector with its lease | [`NOTE_LIFE`] over |
//! | drain of a backend | the operators | undrained |
//! | found backend | who registered it: a sentinel, an operator, another proxy | unregistered, or expired |
//! | our proxy's record | all routers, and the rest services | not kept for [`PROXY_LIFE`] |
//! | lease | its holder | released or expired |
//! | edge's sign of life | the edge | reaped |
//! | service | itself | it stops, or its announcement expires |
//!
//! How it fails: [`Error::Unavailable`] when the store does not answer in time; the operation then
//! may or may not have happened.

/// Forwards to whichever store this is.
macro_rules! on_store {
    ($self:ident, $call:ident($($argument:expr),*)) => {
        match $self {
            Self::Memory(store) => {
                store.step(stringify!($call), || store.$call($($argument),*)).await
            }
            Self::Redis(store) => store.$call($($argument),*).await,
        }
    };
}

mod contract;
pub mod listing;
pub mod memory;
pub mod metrics;
pub mod record;
pub mod redis;

use std::time::Duration;

/// A `list` names at most so many users (as janus-cloud's with Redis).
pub const MAX_LISTED_USERS: usize = 1_000;

/// No more services of a cluster are listed than these.
pub const MAX_SERVICES: usize = 1_000;

/// What our names bear as the uuid of their proxy: to janus-cloud the whole cluster is one proxy.
pub const OUR_PROXY: &str = "switchboard";
/// How long a proxy's record holds without being written again (janus-cloud's value).
pub const PROXY_TTL: Duration = Duration::from_secs(60);
/// For how many seconds a registered backend counts, where nothing else is said (janus-cloud's value).
pub const REGISTRATION_TTL_SECONDS: u64 = 60;

/// An edge that has left counts as silent for at least so long.
pub const DEREGISTERED_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it is remembered that a call was concluded: longer than a request may come again.
pub const ENDED_TTL: Duration = Duration::from_secs(15);
/// How many edges that held a session are remembered with it.
pub const MAX_PREVIOUS_EDGES: usize = 3;
/// How long a backend's note of its Janus sessions is kept.
pub const CONNECTOR_RECORD_TTL: Duration = Duration::from_secs(120);

/// Why the directory could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be reached, or did not answer in time.
    #[error("the directory is not available: {0}")]
    Unavailable(String),
    /// A record that is none of ours stands where ours should.
    #[error("malformed record {key}: {why}")]
    Malformed {
        /// Which.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What every operation returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A handle on the directory; clones share it.
#[derive(Clone)]
pub enum Directory {
    /// Within this process.
    Memory(memory::MemoryDirectory),
    /// In a Redis server.
    Redis(redis::RedisDirectory),
}

impl Directory {
    /// A directory within this process.
    pub fn memory() -> Self {
        Self::Memory(memory::MemoryDirectory::default())
    }

    /// A directory in the Redis at `url` (`redis[s]://[USER:SECRET@]HOST[:PORT][/DB]`).
    ///
    /// # Errors
    /// When the URL makes no sense, or the first connection fails.
    pub async fn redis(url: &str) -> Result<Self> {
        Self::redis_with_ca(url, None).await
    }

    /// The same over TLS, with a server that shows a certificate of `ca` (PEM) instead of one that the
    /// system trusts.
    ///
    /// # Errors
    /// As [`redis`](Self::redis); also when there is a `ca` and the URL is none of `rediss://`.
    pub async fn redis_with_ca(url: &str, ca: Option<&[u8]>) -> Result<Self> {
        redis::RedisDirectory::connect(url, ca).await.map(Self::Redis)
    }

    /// One round trip to the store and back.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ping(&self) -> Result<()> {
        on_store!(self, ping())
    }
}
