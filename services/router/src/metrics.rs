//! The metrics of a router. All are exported as zero from the start.

use bus::message::EndKind;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

const REQUEST: &str = "switchboard_router_request_seconds";
const FAILED: &str = "switchboard_router_failed_requests_total";
const EXPIRED: &str = "switchboard_router_late_requests_total";
const REFUSED: &str = "switchboard_calls_refused_total";
const REFUSED_INVITES: &str = "switchboard_router_refused_invites_total";
const ENDED: &str = "switchboard_calls_ended_total";
const BACKENDS: &str = "switchboard_router_backends";
const REAPED: &str = "switchboard_router_reaped_sessions_total";

/// The label of a call to a busy callee: Janus reports that with an event that has no code.
pub const BUSY: &str = "busy";
/// The codes of refusals that have a label of their own.
const CODES: [u16; 10] = [472, 473, 476, 478, 479, 480, 482, 490, 502, 503];
const OTHER: &str = "other";

/// Registers every metric, with its help text.
pub fn describe() {
    describe_histogram!(REQUEST, "Time a router took to handle a request, by its kind.");
    describe_counter!(FAILED, "Requests that failed and are redelivered to any router.");
    describe_counter!(EXPIRED, "Requests whose deadline had passed when a router received them.");
    describe_counter!(
        REFUSED,
        "Refused calls, by code: 478 no such user, 490 or 503 too many calls, 502 no Janus server."
    );
    describe_counter!(REFUSED_INVITES, "Calls from users of janus-cloud that routers refused.");
    describe_counter!(ENDED, "Calls that ended after they rang, by cause.");
    describe_gauge!(BACKENDS, "Janus servers that take calls, in the list of this router.");
    describe_counter!(REAPED, "Sessions of dead edges that were not claimed in time.");
    for kind in ["register", "call", "exists", "list", "release"] {
        let _ = histogram!(REQUEST, "kind" => kind);
    }
    for name in [FAILED, EXPIRED, REFUSED_INVITES, REAPED] {
        counter!(name).increment(0);
    }
    for code in CODES.iter().map(u16::to_string).chain([BUSY, OTHER].map(str::to_owned)) {
        counter!(REFUSED, "code" => code).increment(0);
    }
    EndKind::ALL.iter().for_each(|kind| counter!(ENDED, "reason" => kind.name()).increment(0));
    gauge!(BACKENDS).set(0);
}

pub fn request_done(kind: &'static str, took: Duration) {
    histogram!(REQUEST, "kind" => kind).record(took);
}

pub fn request_failed() {
    counter!(FAILED).increment(1);
}

pub fn request_expired() {
    counter!(EXPIRED).increment(1);
}

pub fn call_refused(code: u16) {
    if CODES.contains(&code) {
        counter!(REFUSED, "code" => code.to_string()).increment(1);
    } else {
        counter!(REFUSED, "code" => OTHER).increment(1);
    }
}

pub fn call_refused_as_busy() {
    counter!(REFUSED, "code" => BUSY).increment(1);
}

pub fn invite_refused() {
    counter!(REFUSED_INVITES).increment(1);
}

/// Counts a call that a router ended, because no connector serves its backend.
pub fn call_ended(kind: EndKind) {
    counter!(ENDED, "reason" => kind.name()).increment(1);
}

pub fn set_backends(count: usize) {
    gauge!(BACKENDS).set(count as f64);
}

pub fn sessions_reaped(sessions: usize) {
    counter!(REAPED).increment(sessions as u64);
}
