//! Bounds and lifetimes of records.

use std::time::Duration;

/// The bound of [`usernames`](crate::Directory::usernames), as in janus-cloud with Redis.
pub const MAX_LISTED_USERS: usize = 1_000;
/// The bound of [`services`](crate::Directory::services).
pub const MAX_SERVICES: usize = 1_000;
/// How many previous edges are stored with a session.
pub const MAX_PREVIOUS_EDGES: usize = 3;

/// The `proxy_uuid` of names that this cluster owns: to janus-cloud the whole cluster is one proxy.
pub const OUR_PROXY: &str = "switchboard";
/// How long the record of a proxy is valid after its last renewal (janus-cloud's value).
pub const PROXY_TTL: Duration = Duration::from_secs(60);
/// The default `expire` of a registered backend (janus-cloud's value).
pub const REGISTRATION_TTL_SECONDS: u64 = 60;

/// The heartbeat of an edge that deregistered counts as older than this.
pub const DEREGISTERED_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a call counts as ended. Longer than a request may be redelivered.
pub const ENDED_TTL: Duration = Duration::from_secs(15);
/// How long the record that a connector stores for a backend is kept.
pub const CONNECTOR_RECORD_TTL: Duration = Duration::from_secs(120);
