//! The directory in a Redis server.
//!
//! Records are hashes under the keys of [`keys`]. What must be atomic is one Lua script on one key
//! ([`scripts`]), so no step needs two slots of a Redis Cluster. Commands on several keys travel in one
//! pipeline. Their order is such that an interruption may leave an index entry without a record, and never a
//! record without an index entry.
//!
//! | operation | round trips |
//! |---|---|
//! | most | 1 |
//! | `begin_call`, `release_call`, `end_call`, `orphaned_calls`, `remove_handle`, `backends`, `services`, `revoke_displaced` | 2 |
//! | `acquire_handle` for a call that has ended or a name that is gone, `open_call` or `open_session` of what exists | 2 |
//! | `move_handle` | 3, and 2 more for each edge that claims the session meanwhile |
//! | `discovered_backends` | at most 22: 20 steps of a scan, and 2 |
//! | `usernames`, `owned_by` | one for each step of a scan |
//! | `users_page`, `sessions_page`, `calls_page` | at most 50 steps of a scan, and 2 |
//!
//! Failures: see [`connection`]. Clocks: see [`clock`].

mod backends;
mod calls;
mod clock;
mod connection;
mod discovery;
mod discovery_scan;
mod keys;
mod leases;
mod listing;
mod names;
mod proxies;
mod scripts;
mod services;
mod sessions;
mod store;

pub use store::RedisDirectory;
