//! What an edge counts and measures, for `/metrics`: each number with its words and its labels. Whatever can
//! be counted is there from the start, at nothing.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

const CLIENTS: &str = "switchboard_edge_clients";
const SESSIONS: &str = "switchboard_edge_sessions";
const UNSAVED: &str = "switchboard_edge_unsaved_sessions";
const UNSETTLED: &str = "switchboard_edge_unsettled_messages";
const SAVE: &str = "switchboard_edge_save_seconds";
const SAVES: &str = "switchboard_edge_saves_total";
const CLAIMS: &str = "switchboard_edge_claims_total";
const FAILED_CLAIMS: &str = "switchboard_edge_failed_claims_total";
const LOST: &str = "switchboard_edge_lost_sessions_total";
const REOPENED: &str = "switchboard_edge_reopened_sessions_total";
const FORGOTTEN: &str = "switchboard_edge_forgotten_total";
const FORWARDED: &str = "switchboard_edge_forwarded_messages_total";
const DUPLICATES: &str = "switchboard_edge_duplicate_events_total";
const GAPS: &str = "switchboard_edge_event_gaps_total";
const SLOW: &str = "switchboard_edge_slow_clients_total";
const THROTTLED: &str = "switchboard_edge_throttled_requests_total";
const UNHEARD: &str = "switchboard_edge_unheard_bytes_total";
const CALLS_REFUSED: &str = "switchboard_calls_refused_total";

/// The code of a call that is refused before it is on the bus.
const CODE: &str = "490";

/// Requests that wait on a handle.
pub const REQUESTS: &str = "handle_requests";
/// Candidates that wait on a handle.
pub const CANDIDATES: &str = "handle_candidates";
/// Events that came before their turn.
pub const EVENTS: &str = "handle_events";
/// What comes for a connection.
pub const INBOX: &str = "inbox";
/// Bytes that a client has not read.
pub const SOCKET: &str = "client_socket";
/// Bytes that a client which is away has not heard.
pub const AWAY: &str = "client_away";

/// How a session was claimed.
#[derive(Clone, Copy, Debug)]
pub enum Claim {
    /// From another connection of this edge.
    Local,
    /// Another edge surrendered it.
    Surrendered,
    /// From an edge that is silent.
    Inherited,
}

/// Why a claim failed.
#[derive(Clone, Copy, Debug)]
pub enum NoClaim {
    /// There is no such session: it never was, or it has ended.
    Unknown,
    /// Its time was over.
    Late,
    /// The client shows another token than the one the session belongs to.
    Stranger,
    /// Others claim it, or change it, at the same moment.
    Contended,
    /// The directory does not answer.
    Unavailable,
}

impl Claim {
    const ALL: [Self; 3] = [Self::Local, Self::Surrendered, Self::Inherited];

    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Surrendered => "surrendered",
            Self::Inherited => "inherited",
        }
    }
}

impl NoClaim {
    const ALL: [Self; 5] = [Self::Unknown, Self::Late, Self::Stranger, Self::Contended, Self::Unavailable];

    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Late => "late",
            Self::Stranger => "stranger",
            Self::Contended => "contended",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Says what there is, for an edge that starts.
pub fn announce() {
    describe_gauge!(CLIENTS, "Clients that are connected.");
    describe_gauge!(SESSIONS, "Sessions that this edge holds, those of clients that are away among them.");
    describe_gauge!(UNSAVED, "Sessions that have changed and are not written down yet.");
    describe_gauge!(UNSETTLED, "Messages of the edge's mailbox whose effect is not written down yet.");
    describe_histogram!(SAVE, "Time that the directory took to write sessions down.");
    describe_counter!(SAVES, "Sessions written down.");
    describe_counter!(CLAIMS, "Sessions that were claimed here, by how.");
    describe_counter!(FAILED_CLAIMS, "Claims that failed, by why.");
    describe_counter!(LOST, "Sessions that another edge had taken unasked.");
    describe_counter!(REOPENED, "Sessions that the directory had lost and got back.");
    describe_counter!(FORGOTTEN, "Times the directory did not know this edge any more.");
    describe_counter!(FORWARDED, "Messages for sessions that have moved on, sent after them.");
    describe_counter!(DUPLICATES, "Events of calls that came again and were dropped.");
    describe_counter!(GAPS, "Times events of a call were missing and not waited for any longer.");
    describe_counter!(SLOW, "Clients disconnected because they read too slowly.");
    describe_counter!(THROTTLED, "Requests that were read later because their client asks too much.");
    describe_counter!(UNHEARD, "Bytes kept for clients that were away.");
    describe_counter!(
        CALLS_REFUSED,
        "Calls that were refused, by code: 478 no such user, 490 or 503 too many calls, 502 no media server."
    );
    counter!(CALLS_REFUSED, "code" => CODE).increment(0);
    for gauge in [CLIENTS, SESSIONS, UNSAVED, UNSETTLED] {
        gauge!(gauge).set(0);
    }
    let _ = histogram!(SAVE);
    for name in [SAVES, LOST, REOPENED, FORGOTTEN, FORWARDED, DUPLICATES, GAPS, SLOW, THROTTLED, UNHEARD] {
        counter!(name).increment(0);
    }
    Claim::ALL.iter().for_each(|how| counter!(CLAIMS, "how" => how.name()).increment(0));
    NoClaim::ALL.iter().for_each(|why| counter!(FAILED_CLAIMS, "reason" => why.name()).increment(0));
    service::metrics::queues(&[REQUESTS, CANDIDATES, EVENTS, INBOX, SOCKET, AWAY]);
}

/// A call was refused, for there are too many.
pub fn call_refused() {
    counter!(CALLS_REFUSED, "code" => CODE).increment(1);
}

/// One of these queues was full.
pub fn full(queue: &'static str) {
    service::metrics::full(queue);
}

/// A client has connected.
pub fn connected() {
    gauge!(CLIENTS).increment(1);
}

/// A client is not connected any more.
pub fn disconnected() {
    gauge!(CLIENTS).decrement(1);
}

/// So much the edge holds.
pub fn holds(sessions: usize, unsettled: usize) {
    gauge!(SESSIONS).set(sessions as f64);
    gauge!(UNSETTLED).set(unsettled as f64);
}

/// So many sessions wait to be written down.
pub fn unsaved(sessions: usize) {
    gauge!(UNSAVED).set(sessions as f64);
}

/// The directory took so long, and has written none or these.
pub fn saved(took: Duration, sessions: usize) {
    histogram!(SAVE).record(took);
    counter!(SAVES).increment(sessions as u64);
}

/// A session was claimed.
pub fn claimed(how: Claim) {
    counter!(CLAIMS, "how" => how.name()).increment(1);
}

/// A claim failed.
pub fn not_claimed(why: NoClaim) {
    counter!(FAILED_CLAIMS, "reason" => why.name()).increment(1);
}

/// Another edge had taken a session.
pub fn lost() {
    counter!(LOST).increment(1);
}

/// A lost session was opened again.
pub fn reopened() {
    counter!(REOPENED).increment(1);
}

/// The directory did not know this edge.
pub fn forgotten() {
    counter!(FORGOTTEN).increment(1);
}

/// A message was sent after its session.
pub fn forwarded() {
    counter!(FORWARDED).increment(1);
}

/// An event came again.
pub fn duplicate() {
    counter!(DUPLICATES).increment(1);
}

/// An event did not come.
pub fn gap() {
    counter!(GAPS).increment(1);
}

/// A client read too slowly.
pub fn slow() {
    counter!(SLOW).increment(1);
}

/// A client asked too much.
pub fn throttled() {
    counter!(THROTTLED).increment(1);
}

/// So many bytes are kept for a client that is away.
pub fn unheard(bytes: usize) {
    counter!(UNHEARD).increment(bytes as u64);
}
