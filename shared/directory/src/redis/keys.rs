//! Every key of the directory. No other file makes one.
//!
//! Keys that begin with `januscloud:` are janus-cloud's, with its fields and types; our own fields in them
//! begin with `sb_`. All other keys begin with `sb:`. An atomic step changes one key, or keys with one hash
//! tag.

use crate::listing::name_hash;
use common::{BackendName, CallId, ServiceId};
use protocol::{HandleRef, SessionId};
use std::time::Duration;

/// The prefix of every [`user`] key; the rest is the name, with whatever characters it has.
pub(super) const USER_PREFIX: &str = "januscloud:videocall_users:";

/// What matches every [`user`] and [`proxy`] key, and little else.
pub(super) const JANUS_CLOUD_PATTERN: &str = "januscloud:videocall_*";

/// The prefix of every [`proxy`] key; the rest is the uuid.
const PROXY_PREFIX: &str = "januscloud:videocall_proxies:";

/// Whether a key is that of a janus-cloud proxy, and not our own.
pub(super) fn is_other_proxy(key: &str) -> bool {
    key.strip_prefix(PROXY_PREFIX).is_some_and(|uuid| uuid != crate::OUR_PROXY)
}

/// The prefix of every [`names`] key.
pub(super) const NAMES_PREFIX: &str = "sb:names:";

/// The number of [`names`] keys.
pub(super) const NAME_SHARDS: u8 = 16;

/// Set, a part of the index of the names that this cluster has registered. It may have members without a record, and
/// has one for each record. Owner: the routers. End of a member: the name is released, or a list finds that it has no
/// record.
pub(super) fn names(shard: u8) -> String {
    format!("{NAMES_PREFIX}{shard}")
}

/// The part of the index that has this name.
pub(super) fn name_shard(name: &str) -> u8 {
    (name_hash(name.as_bytes()) % u64::from(NAME_SHARDS)) as u8
}

/// The prefix of every [`backend`] key; the rest is the backend's name.
pub(super) const BACKEND_PREFIX: &str = "januscloud:backend_servers:";

/// The prefix of every [`calls_on`] key; the rest is the backend's name.
pub(super) const CALLS_ON_PREFIX: &str = "sb:calls_on:";

/// The prefix of every [`session`] key; the rest is the id.
pub(super) const SESSION_PREFIX: &str = "sb:session:";

/// The prefix of every [`call`] key; the rest is the id.
pub(super) const CALL_PREFIX: &str = "sb:call:";

/// Sorted set of edges. Score: the last heartbeat, in milliseconds by Redis' clock; 0 for an edge that
/// deregistered. Owner: each edge, its member. End of a member: the edge is reaped.
pub(super) const EDGES: &str = "sb:edges";

/// Sorted set of the routers, which prove with it that edges could write their heartbeats. Score: the last heartbeat, in
/// milliseconds by Redis' clock. Owner: each router, its member. End of a member: a heartbeat of another router when it is
/// [`ROUTER_TTL`] old. End: TTL.
pub(super) const ROUTERS: &str = "sb:routers";

/// How long a router's heartbeat is kept.
pub(super) const ROUTER_TTL: Duration = Duration::from_secs(60);

/// Sorted set of announced backends. Score: when the announcement expires, in milliseconds by Redis' clock.
/// Owner: each backend's connector, its member. End of a member: a read after it has expired.
pub(super) const BACKENDS: &str = "sb:backends";

/// Set of the backends that were registered through us. Owner: the service that registered the backend. End
/// of a member: the backend is unregistered, or found to have expired.
pub(super) const REGISTERED: &str = "sb:registered";

/// Set of the drained backends. Owner: the operators. End of a member: undrained.
pub(super) const DRAINED: &str = "sb:drained";

/// Sorted set of the running services. Score: when the announcement expires, in milliseconds by Redis' clock.
/// Owner: each service, its member. End of a member: the service deregisters, or a read after it has expired.
pub(super) const SERVICES: &str = "sb:services";

/// String, a running service in JSON (a [`Service`](crate::listing::Service)). Owner: that service. End: the
/// service deregisters, or TTL.
pub(super) fn service(id: &ServiceId) -> String {
    format!("sb:service:{id}")
}

/// Hash, a registered name: janus-cloud's `username`, `incall`, `peer_name`, `proxy_uuid`, `ctime`, `utime`,
/// and our `sb_edge`, `sb_handle`, `sb_call`, `sb_previous_proxy`.
///
/// `sb_call` is the call for which `incall` is set. `sb_previous_proxy` has `proxy_uuid` and `ctime` of the
/// janus-cloud proxy that the name was taken from.
///
/// With a `proxy_uuid` other than [`OUR_PROXY`](crate::OUR_PROXY) the name is foreign: a janus-cloud proxy
/// overwrites its own fields and leaves ours. The exception is a record that repeats `sb_previous_proxy`.
/// That proxy has not registered the name again: it rewrites the record at each change of its handle, even after
/// the handle lost the name.
///
/// Owner: the handle in it. End: that handle releases it, its edge is reaped, or a janus-cloud proxy deletes
/// it.
pub(super) fn user(name: &str) -> String {
    format!("{USER_PREFIX}{name}")
}

/// Hash `api_base_url`: where a proxy is reached. Ours is that of [`OUR_PROXY`](crate::OUR_PROXY). Owner: the
/// proxy; of ours, the routers and rest services. End: TTL, [`PROXY_TTL`](crate::PROXY_TTL).
pub(super) fn proxy(uuid: &str) -> String {
    format!("{PROXY_PREFIX}{uuid}")
}

/// Hash `edge`, `username`, `request`, `call`: a handle that has registered. With `call` alone it is of a
/// restored call, whose edge has not restored the handle yet. Owner: its edge. End: the handle is removed, or
/// its edge is reaped; with `call` alone, the call ends.
pub(super) fn handle(handle: HandleRef) -> String {
    format!("sb:handle:{handle}")
}

/// Hash, a session.
///
/// `edge`; `grace` in milliseconds; `token_digest`, if a claim must present a token; `previous_edges`, the
/// latest first. What the edge stores: `state`; `away`, when the client disconnected, in milliseconds by
/// Redis' clock, absent while it is connected; `client`, its address; `backlog`, how many messages the client has not received; the
/// messages `m:1`, `m:2`, ...
///
/// Owner: that edge. End: closed, or its edge is dead and its grace period over.
pub(super) fn session(session: SessionId) -> String {
    format!("{SESSION_PREFIX}{session}")
}

/// Set, the index of what the edge owns, for the reaper: `h:SESSION:HANDLE` and `s:SESSION`. It may have
/// members without a record, and has one for each record. Owner: the edge. End: with its last member, or the
/// edge is reaped.
pub(super) fn owned(edge: &ServiceId) -> String {
    format!("sb:owned:{edge}")
}

/// Hash `record` (a [`Call`](crate::record::Call) in JSON), `state` (its connector's), `term` (that
/// connector's token), `ended`. `ended` is set when the call ends: to its final notices in JSON, or to `1`
/// for none. Owner: the backend in the record. End: the call has ended, and its final notices are sent.
pub(super) fn call(call: CallId) -> String {
    format!("{CALL_PREFIX}{call}")
}

/// String `1`: a connector ended this call. End: TTL, [`ENDED_TTL`](crate::ENDED_TTL).
pub(super) fn ended(call: CallId) -> String {
    format!("sb:ended:{call}")
}

/// Set, the index of the calls on a backend. After an interruption it may have members without a record.
/// Owner: the backend. End: with its last call.
pub(super) fn calls_on(backend: &BackendName) -> String {
    format!("{CALLS_ON_PREFIX}{backend}")
}

/// Hash in janus-cloud's fields. With `sb_until` (milliseconds by Redis' clock) a connector of ours announces
/// it until then; `sb_probe_ms` is the response time of its plugin, and `sb_health` a
/// [`BackendHealth`](crate::record::BackendHealth) in JSON. `sb_foreign_status` is the status of a record that
/// existed under this name before, which keeps its TTL. Owner: that connector, or the one who registered the
/// backend. End: TTL; a registration without an end has none, until it is unregistered.
pub(super) fn backend(name: &BackendName) -> String {
    format!("{BACKEND_PREFIX}{name}")
}

/// Hash `url`, `status`, `handle_num`, `probe_ms`, `health`: what a connector of ours announces of a discovered
/// backend. Owner: that connector. End: TTL of the announcement.
pub(super) fn served(backend: &BackendName) -> String {
    format!("sb:served:{backend}")
}

/// Hash `record`, `term` (the token of the connector that wrote it): a connector's own record of its backend.
/// Owner: the holder of the backend's lease. End: TTL, [`CONNECTOR_RECORD_TTL`](crate::CONNECTOR_RECORD_TTL).
pub(super) fn connector_record(backend: &BackendName) -> String {
    format!("sb:connector:{backend}")
}

/// Hash `holder`, `token`. Owner: the holder. End: released, or TTL.
pub(super) fn lease(name: &str) -> String {
    format!("sb:{{lease:{name}}}")
}

/// String, the last token of a lease, in the lease's slot so that one script can use both. End:
/// [`FENCE_TTL_SECONDS`] after the last use.
pub(super) fn fence(name: &str) -> String {
    format!("sb:{{lease:{name}}}:fence")
}

/// How long a fence outlives the last use of its lease.
pub(super) const FENCE_TTL_SECONDS: u64 = 24 * 60 * 60;
