//! The handle on the directory, over either store. The other files have its operations, each with its
//! guarantees.

mod backends;
mod calls;
mod discovery;
mod listing;
mod names;
mod services;
mod sessions;

use crate::Result;
use crate::memory::MemoryDirectory;
use crate::redis::RedisDirectory;

/// Calls the method of the same name on the store.
macro_rules! on_store {
    ($self:ident, $call:ident($($argument:expr),*)) => {
        match $self {
            crate::Directory::Memory(store) => {
                store.run(stringify!($call), || store.$call($($argument),*)).await
            }
            crate::Directory::Redis(store) => store.$call($($argument),*).await,
        }
    };
}
pub(crate) use on_store;

/// A handle on the directory; clones share the store.
#[derive(Clone)]
pub enum Directory {
    /// In this process.
    Memory(MemoryDirectory),
    /// In a Redis server.
    Redis(RedisDirectory),
}

impl Directory {
    /// Returns an empty directory in this process.
    pub fn memory() -> Self {
        Self::Memory(MemoryDirectory::default())
    }

    /// Connects to the Redis server at `url` (`redis[s]://[USER:SECRET@]HOST[:PORT][/DB]`).
    ///
    /// # Errors
    /// When the URL is invalid, or the first connection fails.
    pub async fn redis(url: &str) -> Result<Self> {
        Self::redis_with_ca(url, None).await
    }

    /// As [`redis`](Self::redis). With `ca` (PEM), the server's certificate must be signed by it instead of by
    /// a certificate authority that the system trusts.
    ///
    /// # Errors
    /// As [`redis`](Self::redis); also when there is a `ca` and the scheme is not `rediss`.
    pub async fn redis_with_ca(url: &str, ca: Option<&[u8]>) -> Result<Self> {
        RedisDirectory::connect(url, ca).await.map(Self::Redis)
    }

    /// Makes one round trip to the store, with a write that changes nothing. A Redis that refuses writes answers
    /// `PING`.
    ///
    /// # Errors
    /// [`Unavailable`](crate::Error::Unavailable), also when Redis has just refused another command.
    pub async fn ping(&self) -> Result<()> {
        on_store!(self, ping())
    }
}
