//! The directory in a Redis server.
//!
//! Records are hashes under the keys of [`keys`], each valid while its owner is. What must be
//! atomic is one Lua script on one key ([`scripts`]), so nothing here needs two slots of a Redis
//! Cluster in one step; commands on several keys travel in one pipeline, in an order that leaves,
//! when it breaks, an index that names too much and never a record that no index names.
//!
//! | operation | round trips |
//! |---|---|
//! | most | 1 |
//! | `begin_call`, `release_call`, `end_call`, `left_calls`, `remove_handle`, `backends` | 2 |
//! | `take` for a call that is over or of a name that is gone, `open_call` or `open_session` of what exists already | 2 |
//! | `move_handle` | 3, and 2 more for each edge that claims the session meanwhile |
//! | `services` | 2 |
//! | `strip_displaced` | 2 |
//! | `found_backends` | 22 at most: 20 steps of a scan, and 2 |
//! | `usernames`, `held_by` | as many as there are steps of a scan |
//! | `users_page`, `sessions_page`, `calls_page` | 50 steps of a scan at most, and 2 |
//!
//! How it fails: see [`link`]. Whose clock counts: see [`clock`].

mod backends;
mod calls;
mod clock;
mod edges;
mod found;
mod keys;
mod leases;
mod link;
mod pages;
mod peers;
mod scan;
mod scripts;
mod services;
mod sessions;
mod users;

use crate::{Error, Result};
use found::DiscoveryScan;
use link::Connection;
use std::sync::{Arc, Mutex};

/// A directory in a Redis server; clones share its connection.
#[derive(Clone)]
pub struct RedisDirectory {
    connection: Connection,
    discovery: Arc<Mutex<DiscoveryScan>>,
}

impl RedisDirectory {
    /// Connects to the Redis at `url`; `ca` is PEM of whom to trust with `rediss://`, instead of those
    /// whom the system trusts.
    ///
    /// # Errors
    /// `Unavailable` when the URL makes no sense or nobody answers there.
    pub async fn connect(url: &str, ca: Option<&[u8]>) -> Result<Self> {
        Connection::connect(url, ca).await.map(|link| Self { connection: link, discovery: Arc::default() })
    }

    pub(crate) async fn ping(&self) -> Result<()> {
        self.connection.query("PING", redis::pipe().cmd("PING").ignore()).await
    }
}

/// Reads text that was written by `Display`.
fn parse<T>(key: &str, text: &str) -> Result<T>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|why: T::Err| malformed(key, &why))
}

fn malformed(key: &str, why: &dyn std::fmt::Display) -> Error {
    Error::Malformed { key: key.to_owned(), why: why.to_string() }
}
