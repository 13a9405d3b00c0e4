//! Every key of the directory, made here and nowhere else.
//!
//! `januscloud:` keys are janus-cloud's, with its fields and types; our own fields there begin with
//! `sb_`. All others begin with `sb:`. One atomic step touches one key, or keys of one hash tag.

use protocol::{BackendName, CallId, HandleRef, ServiceId, SessionId};

/// What every [`user`] key begins with; the rest is the name, whatever characters it has.
pub(super) const USERS: &str = "januscloud:videocall_users:";

/// Sorted set of edges, score: last sign of life, milliseconds by Redis' clock; 0 for one that left.
/// Owner: each edge its member. End: the member when the edge is reaped.
pub(super) const EDGES: &str = "sb:edges";

/// Sorted set of announced backends, score: when the announcement expires, milliseconds by Redis'
/// clock. Owner: each backend's connector its member. End: whoever reads drops expired members.
pub(super) const BACKENDS: &str = "sb:backends";

/// Set of the backends that take no new calls. Owner: the operators. End: the member when undrained.
pub(super) const DRAINED: &str = "sb:drained";

/// What every [`calls_on`] key begins with; the rest is the backend's name.
pub(super) const CALLS_ON: &str = "sb:calls_on:";

/// Hash, a registered name: janus-cloud's `username`, `incall`, `peer_name`, `proxy_uuid`, `ctime`,
/// `utime`, and our `sb_edge`, `sb_handle`; without ours the name is a janus-cloud proxy's.
/// Owner: the handle in it. End: freed by that handle, or its edge is reaped.
pub(super) fn user(name: &str) -> String {
    format!("{USERS}{name}")
}

/// Hash `edge`, `username`, `request`, `call`: a handle that has registered. With `call` alone: a
/// restored call is waiting for the handle's own record.
/// Owner: its edge. End: removed with the handle, or its edge is reaped; the mark with its call.
pub(super) fn handle(handle: HandleRef) -> String {
    format!("sb:handle:{handle}")
}

/// Hash `edge`, `grace` in milliseconds, `proof` if one is wanted, and what the edge wrote down:
/// `state`, `away` (since when its client is gone, in milliseconds by Redis' clock; not while it is
/// connected), `unheard` (how many texts its client has not heard) and the texts `u:1`, `u:2`, ...
/// Owner: that edge. End: closed, or its edge is dead and its grace over.
pub(super) fn session(session: SessionId) -> String {
    format!("sb:session:{session}")
}

/// Set of what the edge holds, for its reaper: `h:SESSION:HANDLE` and `s:SESSION`. It may name
/// more than there is, never less. Owner: the edge. End: with its last member, or forgotten.
pub(super) fn held(edge: &ServiceId) -> String {
    format!("sb:held:{edge}")
}

/// Hash `record` (a [`Call`](crate::record::Call) in JSON), `state` (its connector's), `term` (that
/// connector's token), `ended` once it is being freed.
/// Owner: the backend in the record. End: freed.
pub(super) fn call(call: CallId) -> String {
    format!("sb:call:{call}")
}

/// Set of the ids of the calls on a backend; may name one too many after a break.
/// Owner: the backend. End: with its last call.
pub(super) fn calls_on(backend: &BackendName) -> String {
    format!("{CALLS_ON}{backend}")
}

/// Hash in janus-cloud's fields. Owner: the connector that announces it. End: TTL of the announcement.
pub(super) fn backend(name: &BackendName) -> String {
    format!("januscloud:backend_servers:{name}")
}

/// Hash `note`, `term` (the token of who wrote it): what a connector has on the backend.
/// Owner: the holder of the backend's lease. End: its TTL, [`NOTE_LIFE`](crate::NOTE_LIFE).
pub(super) fn note(backend: &BackendName) -> String {
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
pub(super) const FENCE_SECONDS: u64 = 24 * 60 * 60;
