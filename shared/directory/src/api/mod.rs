//! The handle on the directory, over either store. The other files have its operations, each with its
//! guarantees.

mod backends;
mod calls;
mod discovery;
mod listing;
mod names;
mod services;
mod sessions;

use crate::memory::MemoryDirectory;
use crate::redis::RedisDirectory;
use crate::{Error, Result};
use redis_connection::Server;

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

    /// Connects to the Redis server at `url` ([`ServerConfig::url`](redis_connection::ServerConfig::url)).
    ///
    /// # Errors
    /// When the URL is invalid, or the first connection fails.
    pub async fn redis(url: &str) -> Result<Self> {
        let server = Server::new(&url.into()).map_err(|error| Error::Unavailable(error.to_string()))?;
        Self::connect(&server).await
    }

    /// Connects to this Redis.
    ///
    /// # Errors
    /// When the first connection fails.
    pub async fn connect(server: &Server) -> Result<Self> {
        RedisDirectory::connect(server).await.map(Self::Redis)
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
