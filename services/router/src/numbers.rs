//! What a router counts and measures, for `/metrics`: each number with its words and its labels. Whatever
//! can be counted is there from the start, at nothing.

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

/// The callee is in a call: Janus says so with an event, and without a code.
pub const BUSY: &str = "busy";
/// The codes of refusals that have a label of their own.
const CODES: [u16; 9] = [472, 473, 476, 478, 479, 480, 482, 502, 503];
const OTHER: &str = "other";

/// Says what there is, for a router that starts.
pub fn describe() {
    describe_histogram!(REQUEST, "Time that a router took for a request, by its kind.");
    describe_counter!(FAILED, "Requests that could not be done, and come again to another router.");
    describe_counter!(EXPIRED, "Requests that nobody waited for any more when a router got them.");
    describe_counter!(
        REFUSED,
        "Calls that were refused, by code: 478 no such user, 490 or 503 too many calls, 502 no media server."
    );
    describe_counter!(REFUSED_INVITES, "Calls from janus-cloud's users that routers refused.");
    describe_counter!(ENDED, "Calls that ended after they rang, by what ended them.");
    describe_gauge!(BACKENDS, "Media servers that take calls, as this router knows them.");
    describe_counter!(REAPED, "Sessions of dead edges that nobody claimed in time.");
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

/// A request of this kind is done.
pub fn request_done(kind: &'static str, took: Duration) {
    histogram!(REQUEST, "kind" => kind).record(took);
}

/// A request could not be done.
pub fn request_failed() {
    counter!(FAILED).increment(1);
}

/// A request came too late.
pub fn request_expired() {
    counter!(EXPIRED).increment(1);
}

/// A call is refused with this code.
pub fn call_refused(code: u16) {
    match CODES.contains(&code) {
        true => counter!(REFUSED, "code" => code.to_string()).increment(1),
        false => counter!(REFUSED, "code" => OTHER).increment(1),
    }
}

/// A call is refused because the callee is in another.
pub fn call_refused_as_busy() {
    counter!(REFUSED, "code" => BUSY).increment(1);
}

/// A peer's call is refused.
pub fn invite_refused() {
    counter!(REFUSED_INVITES).increment(1);
}

/// A call is over whose backend nobody serves.
pub fn call_ended(kind: EndKind) {
    counter!(ENDED, "reason" => kind.name()).increment(1);
}

/// So many backends take calls.
pub fn set_backends(count: usize) {
    gauge!(BACKENDS).set(count as f64);
}

/// So many sessions were over.
pub fn sessions_reaped(sessions: usize) {
    counter!(REAPED).increment(sessions as u64);
}
