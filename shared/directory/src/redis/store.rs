//! The store that all operations share, and the parsing of what it returns.

use super::connection::Connection;
use super::discovery_scan::DiscoveryScan;
use crate::{Error, Result};
use common::sync::Mutex;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

/// A directory in a Redis server; clones share its connection.
#[derive(Clone)]
pub struct RedisDirectory {
    pub(super) connection: Connection,
    pub(super) discovery: Arc<Mutex<DiscoveryScan>>,
}

impl RedisDirectory {
    /// Connects to the Redis server at `url`. With `ca` (PEM), the server's certificate must be signed by it
    /// instead of by a certificate authority that the system trusts.
    ///
    /// # Errors
    /// `Unavailable` when the URL is invalid or the server does not reply.
    pub async fn connect(url: &str, ca: Option<&[u8]>) -> Result<Self> {
        Ok(Self { connection: Connection::connect(url, ca).await?, discovery: Arc::default() })
    }

    pub(crate) async fn ping(&self) -> Result<()> {
        self.connection.query("PING", redis::pipe().cmd("PING").ignore()).await
    }
}

/// Parses a field that was written with `Display`.
pub(super) fn parse<T>(key: &str, text: &str) -> Result<T>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|why: T::Err| malformed(key, &why))
}

pub(super) fn malformed(key: &str, why: &dyn Display) -> Error {
    Error::Malformed { key: key.to_owned(), why: why.to_string() }
}
