//! Every key of the directory, made here and nowhere else.
//!
//! `januscloud:` keys are janus-cloud's, with its fields and types; our own fields there begin with
//! `sb_`. All others begin with `sb:`. One atomic step touches one key, or keys of one hash tag.

use common::{BackendName, CallId, ServiceId};
use protocol::{HandleRef, SessionId};

/// What every [`user`] key begins with; the rest is the name, whatever characters it has.
pub(super) const USER_PREFIX: &str = "januscloud:videocall_users:";

/// Sorted set of edges, score: last sign of life, milliseconds by Redis' clock; 0 for one that left.
/// Owner: each edge its member. End: the member when the edge is reaped.
pub(super) const EDGES: &str = "sb:edges";

/// Sorted set of announced backends, score: when the announcement expires, milliseconds by Redis'
/// clock. Owner: each backend's connector its member. End: whoever reads drops expired members.
pub(super) const BACKENDS: &str = "sb:backends";

/// What every [`backend`] key begins with; the rest is the backend's name.
pub(super) const BACKEND_PREFIX: &str = "januscloud:backend_servers:";

/// Set of the backends that were registered through us. Owner: who registered them. End: the member
/// when the backend is unregistered, or found to have expired.
pub(super) const REGISTERED: &str = "sb:registered";

/// Set of the backends that take no new calls. Owner: the operators. End: the member when undrained.
pub(super) const DRAINED: &str = "sb:drained";

/// What every [`calls_on`] key begins with; the rest is the backend's name.
pub(super) const CALLS_ON_PREFIX: &str = "sb:calls_on:";

/// What every [`session`] key begins with; the rest is its id.
pub(super) const SESSION_PREFIX: &str = "sb:session:";

/// What every [`call`] key begins with; the rest is its id.
pub(super) const CALL_PREFIX: &str = "sb:call:";

/// Sorted set of the services that run, score: when the announcement expires, milliseconds by Redis'
/// clock. Owner: each service its member. End: it stops, or whoever reads drops expired members.
pub(super) const SERVICES: &str = "sb:services";

/// A service that runs, in JSON (a [`Service`](crate::listed::Service)).
/// Owner: that service. End: it stops, or its TTL.
pub(super) fn service(id: &ServiceId) -> String {
    format!("sb:service:{id}")
}

/// Hash, a registered name: janus-cloud's `username`, `incall`, `peer_name`, `proxy_uuid`, `ctime`,
/// `utime`, and our `sb_edge`, `sb_handle`, `sb_call` (the call for which `incall` is set), `sb_former`
/// (`proxy_uuid` and `ctime` of the janus-cloud proxy it was taken from). With another `proxy_uuid` than
/// [`OUR_PROXY`](crate::OUR_PROXY) it is a janus-cloud proxy's, whatever else is there: that writes its
/// fields over ours, and leaves ours. Only one that repeats `sb_former` has not registered anew: a handle
/// there that lost the name writes all it knows whenever something changes.
/// Owner: the handle in it. End: freed by that handle, or its edge is reaped, or its peer deletes it.
pub(super) fn user(name: &str) -> String {
    format!("{USER_PREFIX}{name}")
}

/// Hash `api_base_url`: where peers reach that proxy. Ours is [`OUR_PROXY`](crate::OUR_PROXY)'s.
/// Owner: the proxy; of ours, the routers and rest services. End: TTL, [`PROXY_LIFE`](crate::PROXY_LIFE).
pub(super) fn proxy(uuid: &str) -> String {
    format!("januscloud:videocall_proxies:{uuid}")
}

/// Hash `edge`, `username`, `request`, `call`: a handle that has registered. With `call` alone: a
/// restored call is waiting for the handle's own record.
/// Owner: its edge. End: removed with the handle, or its edge is reaped; the mark with its call.
pub(super) fn handle(handle: HandleRef) -> String {
    format!("sb:handle:{handle}")
}

/// Hash `edge`, `grace` in milliseconds, `proof` if one is wanted, and what the edge wrote down:
/// `state`, `away` (since when its client is gone, in milliseconds by Redis' clock; not while it is
/// connected), `unheard` (how many texts its client has not heard) and the texts `u:1`, `u:2`, ...; and
/// `previous_edges`, the edges that held it before, the latest first.
/// Owner: that edge. End: closed, or its edge is dead and its grace over.
pub(super) fn session(session: SessionId) -> String {
    format!("{SESSION_PREFIX}{session}")
}

/// Set of what the edge holds, for its reaper: `h:SESSION:HANDLE` and `s:SESSION`. It may name
/// more than there is, never less. Owner: the edge. End: with its last member, or forgotten.
pub(super) fn owned(edge: &ServiceId) -> String {
    format!("sb:held:{edge}")
}

/// Hash `record` (a [`Call`](crate::record::Call) in JSON), `state` (its connector's), `term` (that
/// connector's token), `ended` once it is being freed: what its sides are to hear of that, in JSON, until they
/// are told, or `1`.
/// Owner: the backend in the record. End: freed, and its sides told.
pub(super) fn call(call: CallId) -> String {
    format!("{CALL_PREFIX}{call}")
}

/// String `1`: this call was concluded. Owner: nobody. End: its TTL, [`OVER_LIFE`](crate::OVER_LIFE).
pub(super) fn ended(call: CallId) -> String {
    format!("sb:over:{call}")
}

/// Set of the ids of the calls on a backend; may name one too many after a break.
/// Owner: the backend. End: with its last call.
pub(super) fn calls_on(backend: &BackendName) -> String {
    format!("{CALLS_ON_PREFIX}{backend}")
}

/// Hash in janus-cloud's fields; with `sb_until` (milliseconds by Redis' clock) a connector of ours
/// announces it until then, with `sb_probe_ms`, how long its plugin took to answer; `sb_theirs` is the status in the record that somebody else had made under the
/// name before, which keeps its life. Owner: that connector, or whoever registered it. End: TTL; none
/// where it is registered for ever, until unregistered.
pub(super) fn backend(name: &BackendName) -> String {
    format!("{BACKEND_PREFIX}{name}")
}

/// Hash `url`, `status`, `handle_num`: what a connector of ours says of a backend whose own record is
/// somebody else's. Owner: that connector. End: TTL of the announcement.
pub(super) fn served(backend: &BackendName) -> String {
    format!("sb:served:{backend}")
}

/// Hash `note`, `term` (the token of who wrote it): what a connector has on the backend.
/// Owner: the holder of the backend's lease. End: its TTL, [`NOTE_LIFE`](crate::NOTE_LIFE).
pub(super) fn connector_record(backend: &BackendName) -> String {
    format!("sb:note:{backend}")
}

/// Hash `holder`, `token`. Owner: the holder. End: given back, or its TTL.
pub(super) fn lease(what: &str) -> String {
    format!("sb:{{lease:{what}}}")
}

/// The last token given out for a lease, in the lease's slot so that one script can see both.
/// Owner: nobody. End: [`FENCE_SECONDS`] after the last use.
pub(super) fn fence(what: &str) -> String {
    format!("sb:{{lease:{what}}}:fence")
}

/// How long a fence outlives the last use of its lease.
pub(super) const FENCE_TTL_SECONDS: u64 = 24 * 60 * 60;
