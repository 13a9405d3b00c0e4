//! What a rest service counts, for `/metrics`: each number with its words and its labels. Whatever can be
//! counted is there from the start, at nothing. What it looks up of the cluster is in `api/roads.rs`.

use metrics::{counter, describe_counter, describe_gauge, gauge};

const INVITES: &str = "switchboard_rest_invites_total";
const PROXY_REQUESTS_TOTAL: &str = "switchboard_rest_asked_total";
const PENDING_INVITES: &str = "switchboard_rest_peers_waiting";

/// Requests of peers that wait for a router.
pub const INVITES_PENDING: &str = "peers_waiting";
/// Questions to proxies that got no place in time.
pub const PROXY_REQUESTS: &str = "peers_asked";
/// Who listens to `/cluster/events`.
pub const EVENT_SUBSCRIBERS: &str = "listeners";

/// The answers that have a label of their own; a proxy may say anything.
const STATUSES: [u16; 12] = [200, 400, 403, 404, 472, 476, 478, 480, 500, 502, 503, 504];
const OTHER_STATUS: &str = "other";

/// Says what there is, for a rest service that starts.
pub fn describe() {
    describe_counter!(INVITES, "Calls from janus-cloud's users to ours, by what their proxy was answered.");
    describe_counter!(
        PROXY_REQUESTS_TOTAL,
        "Calls of our users to janus-cloud's, by what their proxy answered."
    );
    describe_gauge!(PENDING_INVITES, "Calls from janus-cloud's users that wait for a router or a connector.");
    for status in STATUSES.iter().map(u16::to_string).chain([OTHER_STATUS.to_owned()]) {
        counter!(INVITES, "status" => status.clone()).increment(0);
        counter!(PROXY_REQUESTS_TOTAL, "status" => status).increment(0);
    }
    gauge!(PENDING_INVITES).set(0);
    service::metrics::register_queues(&[INVITES_PENDING, PROXY_REQUESTS, EVENT_SUBSCRIBERS]);
}

/// One of these queues was full.
pub fn queue_full(queue: &'static str) {
    service::metrics::queue_full(queue);
}

/// A peer was answered so.
pub fn count_invite(status: u16) {
    counter!(INVITES, "status" => label(status)).increment(1);
}

/// A peer answered so.
pub fn count_proxy_request(status: u16) {
    counter!(PROXY_REQUESTS_TOTAL, "status" => label(status)).increment(1);
}

/// So many requests of peers wait.
pub fn set_pending_invites(requests: usize) {
    gauge!(PENDING_INVITES).set(requests as f64);
}

fn label(status: u16) -> String {
    if STATUSES.contains(&status) { status.to_string() } else { OTHER_STATUS.to_owned() }
}
