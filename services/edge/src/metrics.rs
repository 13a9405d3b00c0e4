//! What an edge counts and measures, for `/metrics`: each number with its words and its labels. Whatever can
//! be counted is there from the start, at nothing.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

const CLIENTS: &str = "switchboard_edge_clients";
const SESSIONS: &str = "switchboard_edge_sessions";
const UNSAVED: &str = "switchboard_edge_unsaved_sessions";
const UNACKED: &str = "switchboard_edge_unsettled_messages";
const SAVE: &str = "switchboard_edge_save_seconds";
const SAVES: &str = "switchboard_edge_saves_total";
const CLAIMS: &str = "switchboard_edge_claims_total";
const FAILED_CLAIMS: &str = "switchboard_edge_failed_claims_total";
const LOST: &str = "switchboard_edge_lost_sessions_total";
const RESTORED: &str = "switchboard_edge_reopened_sessions_total";
const DEREGISTERED: &str = "switchboard_edge_forgotten_total";
const FORWARDED: &str = "switchboard_edge_forwarded_messages_total";
const DUPLICATES: &str = "switchboard_edge_duplicate_events_total";
const GAPS: &str = "switchboard_edge_event_gaps_total";
const SLOW: &str = "switchboard_edge_slow_clients_total";
const THROTTLED: &str = "switchboard_edge_throttled_requests_total";
const BACKLOG: &str = "switchboard_edge_unheard_bytes_total";
const CALLS_REFUSED: &str = "switchboard_calls_refused_total";

/// The code of a call that is refused before it is on the bus.
const OVERLOADED_CODE: &str = "490";

/// Requests that wait on a handle.
pub const HANDLE_REQUESTS: &str = "handle_requests";
/// Candidates that wait on a handle.
pub const HANDLE_CANDIDATES: &str = "handle_candidates";
/// Events that came before their turn.
pub const HANDLE_EVENTS: &str = "handle_events";
/// What comes for a connection.
pub const INBOX: &str = "inbox";
/// Bytes that a client has not read.
pub const CLIENT_SOCKET: &str = "client_socket";
/// Bytes that a client which is away has not heard.
pub const CLIENT_BACKLOG: &str = "client_away";

/// How a session was claimed.
#[derive(Clone, Copy, Debug)]
pub enum ClaimKind {
    /// From another connection of this edge.
    Local,
    /// Another edge surrendered it.
    Surrendered,
    /// From an edge that is silent.
    TakenOver,
}

/// Why a claim failed.
#[derive(Clone, Copy, Debug)]
pub enum ClaimFailure {
    /// There is no such session: it never was, or it has ended.
    Unknown,
    /// Its time was over.
    Expired,
    /// The client shows another token than the one the session belongs to.
    WrongToken,
    /// Others claim it, or change it, at the same moment.
    Contended,
    /// The directory does not answer.
    Unavailable,
}

impl ClaimKind {
    const ALL: [Self; 3] = [Self::Local, Self::Surrendered, Self::TakenOver];

    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Surrendered => "surrendered",
            Self::TakenOver => "inherited",
        }
    }
}

impl ClaimFailure {
    const ALL: [Self; 5] =
        [Self::Unknown, Self::Expired, Self::WrongToken, Self::Contended, Self::Unavailable];

    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "late",
            Self::WrongToken => "stranger",
            Self::Contended => "contended",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Says what there is, for an edge that starts.
pub fn describe() {
    describe_gauge!(CLIENTS, "Clients that are connected.");
    describe_gauge!(SESSIONS, "Sessions that this edge holds, those of clients that are away among them.");
    describe_gauge!(UNSAVED, "Sessions that have changed and are not written down yet.");
    describe_gauge!(UNACKED, "Messages of the edge's mailbox whose effect is not written down yet.");
    describe_histogram!(SAVE, "Time that the directory took to write sessions down.");
    describe_counter!(SAVES, "Sessions written down.");
    describe_counter!(CLAIMS, "Sessions that were claimed here, by how.");
    describe_counter!(FAILED_CLAIMS, "Claims that failed, by why.");
    describe_counter!(LOST, "Sessions that another edge had taken unasked.");
    describe_counter!(RESTORED, "Sessions that the directory had lost and got back.");
    describe_counter!(DEREGISTERED, "Times the directory did not know this edge any more.");
    describe_counter!(FORWARDED, "Messages for sessions that have moved on, sent after them.");
    describe_counter!(DUPLICATES, "Events of calls that came again and were dropped.");
    describe_counter!(GAPS, "Times events of a call were missing and not waited for any longer.");
    describe_counter!(SLOW, "Clients disconnected because they read too slowly.");
    describe_counter!(THROTTLED, "Requests that were read later because their client asks too much.");
    describe_counter!(BACKLOG, "Bytes kept for clients that were away.");
    describe_counter!(
        CALLS_REFUSED,
        "Calls that were refused, by code: 478 no such user, 490 or 503 too many calls, 502 no media server."
    );
    counter!(CALLS_REFUSED, "code" => OVERLOADED_CODE).increment(0);
    for gauge in [CLIENTS, SESSIONS, UNSAVED, UNACKED] {
        gauge!(gauge).set(0);
    }
    let _ = histogram!(SAVE);
    for name in [SAVES, LOST, RESTORED, DEREGISTERED, FORWARDED, DUPLICATES, GAPS, SLOW, THROTTLED, BACKLOG] {
        counter!(name).increment(0);
    }
    ClaimKind::ALL.iter().for_each(|how| counter!(CLAIMS, "how" => how.name()).increment(0));
    ClaimFailure::ALL.iter().for_each(|why| counter!(FAILED_CLAIMS, "reason" => why.name()).increment(0));
    service::metrics::register_queues(&[
        HANDLE_REQUESTS,
        HANDLE_CANDIDATES,
        HANDLE_EVENTS,
        INBOX,
        CLIENT_SOCKET,
        CLIENT_BACKLOG,
    ]);
}

/// A call was refused, for there are too many.
pub fn call_refused() {
    counter!(CALLS_REFUSED, "code" => OVERLOADED_CODE).increment(1);
}

/// One of these queues was full.
pub fn queue_full(queue: &'static str) {
    service::metrics::queue_full(queue);
}

/// A client has connected.
pub fn client_connected() {
    gauge!(CLIENTS).increment(1);
}

/// A client is not connected any more.
pub fn client_disconnected() {
    gauge!(CLIENTS).decrement(1);
}

/// So much the edge holds.
pub fn set_held(sessions: usize, unsettled: usize) {
    gauge!(SESSIONS).set(sessions as f64);
    gauge!(UNACKED).set(unsettled as f64);
}

/// So many sessions wait to be written down.
pub fn set_unsaved(sessions: usize) {
    gauge!(UNSAVED).set(sessions as f64);
}

/// The directory took so long, and has written none or these.
pub fn sessions_saved(took: Duration, sessions: usize) {
    histogram!(SAVE).record(took);
    counter!(SAVES).increment(sessions as u64);
}

/// A session was claimed.
pub fn session_claimed(how: ClaimKind) {
    counter!(CLAIMS, "how" => how.name()).increment(1);
}

/// A claim failed.
pub fn claim_failed(why: ClaimFailure) {
    counter!(FAILED_CLAIMS, "reason" => why.name()).increment(1);
}

/// Another edge had taken a session.
pub fn session_lost() {
    counter!(LOST).increment(1);
}

/// A lost session was opened again.
pub fn session_restored() {
    counter!(RESTORED).increment(1);
}

/// The directory did not know this edge.
pub fn edge_deregistered() {
    counter!(DEREGISTERED).increment(1);
}

/// A message was sent after its session.
pub fn message_forwarded() {
    counter!(FORWARDED).increment(1);
}

/// An event came again.
pub fn duplicate_event() {
    counter!(DUPLICATES).increment(1);
}

/// An event did not come.
pub fn event_gap() {
    counter!(GAPS).increment(1);
}

/// A client read too slowly.
pub fn slow_client() {
    counter!(SLOW).increment(1);
}

/// A client asked too much.
pub fn request_throttled() {
    counter!(THROTTLED).increment(1);
}

/// So many bytes are kept for a client that is away.
pub fn backlog_added(bytes: usize) {
    counter!(BACKLOG).increment(bytes as u64);
}
