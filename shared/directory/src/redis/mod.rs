//! The directory in a Redis server.
//!
//! Records are hashes under the keys of [`keys`]. What must be atomic is one Lua script on one key (see
//! [`connection`]), so no step needs two slots of a Redis Cluster. Commands on several keys travel in one
//! pipeline. Their order is such that an interruption may leave an index entry without a record, and never a
//! record without an index entry.
//!
//! | operation | round trips |
//! |---|---|
//! | most | 1 |
//! | `begin_call`, `release_call`, `end_call`, `orphaned_calls`, `remove_handle`, `claim_session`, `backends`, `services`, `revoke_displaced` | 2 |
//! | `acquire_handle` for a call that has ended or a name that is gone, `open_call` or `open_session` of what exists | 2 |
//! | `move_handle` | 4, and 3 more for each edge that claims the session meanwhile |
//! | `discovered_backends` | at most 22: 20 steps of a scan, and 2 |
//! | `grant_name`, `release_name` | 1; `release_name` 2 if the name was registered again meanwhile |
//! | `usernames` | 2 for each step of the index, and up to 24 for stale and foreign names |
//! | `owned_by` | one for each step of a scan |
//! | `users_page`, `sessions_page`, `calls_page` | at most 50 steps of a scan, and 2 |
//!
//! Failures: see [`connection`]. All times that are compared are of Redis' clock.

mod backends;
mod calls;
mod connection;
mod discovery;
mod foreign_scan;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod keys;
mod listing;
mod name_list;
mod names;
mod records;
mod services;
mod sessions;

use crate::{Error, Result};
use common::BackendName;
use common::clock::unix_micros;
use common::sync::Mutex;
use connection::Connection;
use foreign_scan::ForeignScan;
use redis_connection::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// The most discovered names that are kept.
const MAX_DISCOVERED: usize = 10_000;

/// A directory in a Redis server; clones share its connection.
#[derive(Clone)]
pub struct RedisDirectory {
    connection: Connection,
    discovery: Arc<Mutex<DiscoveryScan>>,
    /// How many records each list left out when it was read last.
    malformed: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    foreign_scan: Arc<Mutex<ForeignScan>>,
}

impl RedisDirectory {
    /// Connects to this server.
    ///
    /// # Errors
    /// `Unavailable` when the server does not reply.
    pub async fn connect(server: &Server) -> Result<Self> {
        Ok(Self {
            connection: Connection::connect(server).await?,
            discovery: Arc::default(),
            malformed: Arc::default(),
            foreign_scan: Arc::default(),
        })
    }

    pub(crate) async fn ping(&self) -> Result<()> {
        self.connection.check_writes().await
    }
}

/// The progress of the scan for discovered backends, and the names it has found. Only the keys themselves
/// show which backends others registered.
#[derive(Default)]
struct DiscoveryScan {
    cursor: u64,
    names: BTreeSet<BackendName>,
}

impl DiscoveryScan {
    /// Records the result of one step, and returns the cursor of the next.
    fn advance(&mut self, (cursor, found): (u64, Vec<Vec<u8>>)) -> u64 {
        self.cursor = cursor;
        for key in found {
            let name = str::from_utf8(&key).ok().and_then(|key| key.strip_prefix(keys::BACKEND_PREFIX));
            if let Some(name) = name.filter(|_| self.names.len() < MAX_DISCOVERED) {
                self.names.insert(BackendName::from(name));
            }
        }
        cursor
    }

    /// Drops names whose records are removed.
    fn remove(&mut self, names: &[BackendName]) {
        self.names.retain(|name| !names.contains(name));
    }
}

/// Parses a field that was written with `Display`.
fn parse<T>(key: &str, text: &str) -> Result<T>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|why: T::Err| malformed(key, &why))
}

fn malformed(key: &str, why: &dyn Display) -> Error {
    Error::Malformed { key: key.to_owned(), why: why.to_string() }
}

/// The reply to `TIME`: seconds and microseconds.
type RedisTime = (u64, u64);

/// Returns the time since an instant in unix milliseconds.
fn elapsed_since(unix_millis: u64, (seconds, micros): RedisTime) -> Duration {
    Duration::from_millis((seconds * 1_000 + micros / 1_000).saturating_sub(unix_millis))
}

/// Converts to milliseconds, bounded so that sums stay exact in Lua.
fn capped_millis(time: Duration) -> u64 {
    const CENTURY: u128 = 100 * 365 * 24 * 60 * 60 * 1_000;
    time.as_millis().min(CENTURY) as u64
}

/// Converts a TTL to milliseconds. Returns at least 1: Redis refuses a TTL of 0.
fn ttl_millis(time: Duration) -> u64 {
    capped_millis(time).max(1)
}

/// Returns the unix time in seconds by Redis' clock, in janus-cloud's format. It is for readers of the record;
/// nothing depends on it.
fn unix_seconds() -> String {
    let micros = unix_micros();
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
