//! The metrics of an edge. All are exported as zero from the start.

use crate::auth::Unauthorized;
use crate::net::address::limit::Limit;
use crate::net::closing::CloseReason;
use crate::net::handshake::Refusal;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

const CLIENTS: &str = "switchboard_edge_clients";
const SESSIONS: &str = "switchboard_edge_sessions";
const UNSAVED: &str = "switchboard_edge_unsaved_sessions";
const UNACKED: &str = "switchboard_edge_unacked_messages";
const SAVE: &str = "switchboard_edge_save_seconds";
const SAVES: &str = "switchboard_edge_saves_total";
const CLAIMS: &str = "switchboard_edge_claims_total";
const FAILED_CLAIMS: &str = "switchboard_edge_failed_claims_total";
const LOST: &str = "switchboard_edge_lost_sessions_total";
const RESTORED: &str = "switchboard_edge_restored_sessions_total";
const DEREGISTERED: &str = "switchboard_edge_deregistered_total";
const FORWARDED: &str = "switchboard_edge_forwarded_messages_total";
const DUPLICATES: &str = "switchboard_edge_duplicate_events_total";
const GAPS: &str = "switchboard_edge_event_gaps_total";
const SLOW: &str = "switchboard_edge_slow_clients_total";
const MEMORY: &str = "switchboard_edge_client_memory_bytes";
const MAX_MEMORY: &str = "switchboard_edge_max_client_memory_bytes";
const MAX_CLIENTS: &str = "switchboard_edge_max_clients";
const UNAUTHORIZED: &str = "switchboard_edge_unauthorized_requests_total";
const CLOSED: &str = "switchboard_edge_closed_clients_total";
const THROTTLED: &str = "switchboard_edge_throttled_requests_total";
const BACKLOG: &str = "switchboard_edge_backlog_bytes_total";
const LIMITS_REACHED: &str = "switchboard_edge_limits_reached_total";
const HANDSHAKES_REFUSED: &str = "switchboard_edge_refused_handshakes_total";
const CALLS_REFUSED: &str = "switchboard_calls_refused_total";

const COUNTERS: [&str; 10] =
    [SAVES, LOST, RESTORED, DEREGISTERED, FORWARDED, DUPLICATES, GAPS, SLOW, THROTTLED, BACKLOG];

/// The error code of a call that the edge refuses because of overload.
const OVERLOADED_CODE: &str = "490";

/// Requests that wait on a handle.
pub const HANDLE_REQUESTS: &str = "handle_requests";
/// Candidates that wait on a handle.
pub const HANDLE_CANDIDATES: &str = "handle_candidates";
/// Events that came early.
pub const HANDLE_EVENTS: &str = "handle_events";
/// Messages for a connection.
pub const INBOX: &str = "inbox";
/// Bytes that a connected client has not read.
pub const CLIENT_SOCKET: &str = "client_socket";
/// Bytes that are kept for a disconnected client.
pub const CLIENT_BACKLOG: &str = "client_backlog";

/// How a session was claimed.
#[derive(Clone, Copy, Debug)]
pub enum ClaimKind {
    /// From another connection of this edge.
    Local,
    /// Another edge has surrendered it.
    Surrendered,
    /// From an edge that is dead.
    TakenOver,
}

/// Why a claim failed.
#[derive(Clone, Copy, Debug)]
pub enum ClaimFailure {
    /// There is no such session.
    Unknown,
    /// The time to claim it is over.
    Expired,
    /// The session was created with another token.
    WrongToken,
    /// Other connections or edges claim or change it at the same moment.
    Contended,
    /// The directory is unavailable.
    Unavailable,
}

impl ClaimKind {
    const ALL: [Self; 3] = [Self::Local, Self::Surrendered, Self::TakenOver];

    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Surrendered => "surrendered",
            Self::TakenOver => "taken_over",
        }
    }
}

impl ClaimFailure {
    const ALL: [Self; 5] =
        [Self::Unknown, Self::Expired, Self::WrongToken, Self::Contended, Self::Unavailable];

    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::WrongToken => "wrong_token",
            Self::Contended => "contended",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Describes the metrics and sets them to zero.
pub fn describe() {
    describe_gauge!(CLIENTS, "Connected clients.");
    describe_gauge!(MAX_CLIENTS, "How many clients may be connected.");
    describe_gauge!(SESSIONS, "Sessions of this edge, including those of disconnected clients.");
    describe_gauge!(UNSAVED, "Sessions that have changed and are not stored yet.");
    describe_gauge!(UNACKED, "Messages in the edge's mailbox whose effect is not stored yet.");
    describe_gauge!(MEMORY, "Bytes of requests and messages that wait for clients or come from them.");
    describe_gauge!(MAX_MEMORY, "The bound of these bytes, --max-client-memory.");
    describe_histogram!(SAVE, "Time the directory took to store sessions.");
    describe_counter!(SAVES, "Sessions stored.");
    describe_counter!(CLAIMS, "Sessions claimed at this edge, by how.");
    describe_counter!(FAILED_CLAIMS, "Claims that failed, by reason.");
    describe_counter!(LOST, "Sessions that another edge took over without a surrender.");
    describe_counter!(RESTORED, "Sessions that the directory had lost and that were created again.");
    describe_counter!(DEREGISTERED, "Heartbeats to a directory that did not know this edge any more.");
    describe_counter!(FORWARDED, "Messages forwarded to the edge that a session has moved to.");
    describe_counter!(DUPLICATES, "Duplicate events of calls that were dropped.");
    describe_counter!(GAPS, "Gaps in the events of a call that were skipped after a timeout.");
    describe_counter!(SLOW, "Clients disconnected because they read too slowly.");
    describe_counter!(UNAUTHORIZED, "Requests refused with 403, by what was wrong with the secret or token.");
    describe_counter!(CLOSED, "Websockets that the edge closed, by reason.");
    describe_counter!(THROTTLED, "Requests delayed because their client exceeds its rate limit.");
    describe_counter!(BACKLOG, "Bytes kept for disconnected clients.");
    describe_counter!(
        LIMITS_REACHED,
        "Connections and sessions that were refused, and requests that were delayed, by the limit of a client or an address."
    );
    describe_counter!(
        HANDSHAKES_REFUSED,
        "Connections that opened no websocket, by the cause that the response names."
    );
    describe_counter!(
        CALLS_REFUSED,
        "Refused calls, by error code: 478 no such user, 490 or 503 overload, 502 no media server."
    );
    counter!(CALLS_REFUSED, "code" => OVERLOADED_CODE).increment(0);
    for name in [CLIENTS, SESSIONS, UNSAVED, UNACKED, MEMORY, MAX_MEMORY, MAX_CLIENTS] {
        gauge!(name).set(0);
    }
    let _ = histogram!(SAVE);
    for name in COUNTERS {
        counter!(name).increment(0);
    }
    for limit in Limit::ALL {
        counter!(LIMITS_REACHED, "limit" => limit.name()).increment(0);
    }
    for refusal in Refusal::ALL {
        counter!(HANDSHAKES_REFUSED, "cause" => refusal.name()).increment(0);
    }
    for reason in Unauthorized::ALL {
        counter!(UNAUTHORIZED, "cause" => reason.name()).increment(0);
    }
    for reason in CloseReason::ALL {
        counter!(CLOSED, "reason" => reason.name()).increment(0);
    }
    for kind in ClaimKind::ALL {
        counter!(CLAIMS, "how" => kind.name()).increment(0);
    }
    for failure in ClaimFailure::ALL {
        counter!(FAILED_CLAIMS, "reason" => failure.name()).increment(0);
    }
    service::metrics::register_queues(&[
        HANDLE_REQUESTS,
        HANDLE_CANDIDATES,
        HANDLE_EVENTS,
        INBOX,
        CLIENT_SOCKET,
        CLIENT_BACKLOG,
    ]);
}

pub fn call_refused() {
    counter!(CALLS_REFUSED, "code" => OVERLOADED_CODE).increment(1);
}

/// Counts that a queue was full; `queue` is one of the constants of this module.
pub fn queue_full(queue: &'static str) {
    service::metrics::queue_full(queue);
}

pub fn limit_reached(limit: Limit) {
    counter!(LIMITS_REACHED, "limit" => limit.name()).increment(1);
}

pub fn handshake_refused(refusal: Refusal) {
    counter!(HANDSHAKES_REFUSED, "cause" => refusal.name()).increment(1);
}

pub fn client_connected() {
    gauge!(CLIENTS).increment(1);
}

pub fn client_disconnected() {
    gauge!(CLIENTS).decrement(1);
}

pub fn set_held(sessions: usize, unacked: usize) {
    gauge!(SESSIONS).set(sessions as f64);
    gauge!(UNACKED).set(unacked as f64);
}

pub fn set_client_memory(held: usize, max: usize) {
    gauge!(MEMORY).set(held as f64);
    gauge!(MAX_MEMORY).set(max as f64);
}

pub fn set_unsaved(sessions: usize) {
    gauge!(UNSAVED).set(sessions as f64);
}

/// Records how long a write to the directory took and how many sessions it stored; none if it failed.
pub fn sessions_saved(duration: Duration, sessions: usize) {
    histogram!(SAVE).record(duration);
    counter!(SAVES).increment(sessions as u64);
}

pub fn session_claimed(kind: ClaimKind) {
    counter!(CLAIMS, "how" => kind.name()).increment(1);
}

pub fn claim_failed(failure: ClaimFailure) {
    counter!(FAILED_CLAIMS, "reason" => failure.name()).increment(1);
}

pub fn session_lost() {
    counter!(LOST).increment(1);
}

pub fn session_restored() {
    counter!(RESTORED).increment(1);
}

pub fn edge_deregistered() {
    counter!(DEREGISTERED).increment(1);
}

pub fn message_forwarded() {
    counter!(FORWARDED).increment(1);
}

pub fn duplicate_event() {
    counter!(DUPLICATES).increment(1);
}

pub fn event_gap() {
    counter!(GAPS).increment(1);
}

pub fn slow_client() {
    counter!(SLOW).increment(1);
}

pub fn request_unauthorized(reason: Unauthorized) {
    counter!(UNAUTHORIZED, "cause" => reason.name()).increment(1);
}

pub fn set_max_clients(count: usize) {
    gauge!(MAX_CLIENTS).set(count as f64);
}

pub fn client_closed(reason: CloseReason) {
    counter!(CLOSED, "reason" => reason.name()).increment(1);
}

pub fn request_throttled() {
    counter!(THROTTLED).increment(1);
}

pub fn backlog_added(bytes: usize) {
    counter!(BACKLOG).increment(bytes as u64);
}
