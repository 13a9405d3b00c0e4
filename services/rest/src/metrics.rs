//! The metrics of a rest service. All are exported from the start, as 0. The metrics of streams, which are read when
//! Prometheus scrapes, are in `api/streams.rs`.

use metrics::{counter, describe_counter, describe_gauge, gauge};

const INVITES_TOTAL: &str = "switchboard_rest_invites_total";
const PROXY_REQUESTS_TOTAL: &str = "switchboard_rest_proxy_requests_total";
const PENDING_INVITES: &str = "switchboard_rest_invites_pending";
const WRONG_SECRETS_TOTAL: &str = "switchboard_rest_wrong_secrets_total";

/// The names of this service's bounded queues, for `switchboard_queue_full_total`.
pub(crate) const INVITES_PENDING: &str = "invites_pending";
pub(crate) const PROXY_REQUESTS: &str = "proxy_requests";
pub(crate) const EVENT_SUBSCRIBERS: &str = "event_subscribers";

/// The statuses that are a label value; a proxy may answer with any other, which is counted as [`OTHER_STATUS`].
const STATUSES: [u16; 12] = [200, 400, 403, 404, 472, 476, 478, 480, 500, 502, 503, 504];
const OTHER_STATUS: &str = "other";

/// Declares the metrics.
pub(crate) fn describe() {
    describe_counter!(INVITES_TOTAL, "Calls from janus-cloud users, by the status returned to their proxy.");
    describe_counter!(
        PROXY_REQUESTS_TOTAL,
        "Calls to janus-cloud users, by the status their proxy returned."
    );
    describe_gauge!(PENDING_INVITES, "Calls from janus-cloud users that wait for a router or a connector.");
    for status in STATUSES.iter().map(u16::to_string).chain([OTHER_STATUS.to_owned()]) {
        counter!(INVITES_TOTAL, "status" => status.clone()).increment(0);
        counter!(PROXY_REQUESTS_TOTAL, "status" => status).increment(0);
    }
    describe_counter!(WRONG_SECRETS_TOTAL, "Requests with a wrong secret of operators.");
    counter!(WRONG_SECRETS_TOTAL).increment(0);
    gauge!(PENDING_INVITES).set(0);
    service::metrics::register_queues(&[INVITES_PENDING, PROXY_REQUESTS, EVENT_SUBSCRIBERS]);
}

/// Counts a refusal by a full queue.
pub(crate) fn queue_full(queue: &'static str) {
    service::metrics::queue_full(queue);
}

/// Counts a response to an invite of a proxy.
pub(crate) fn count_invite(status: u16) {
    counter!(INVITES_TOTAL, "status" => label(status)).increment(1);
}

/// Counts a response of a proxy.
pub(crate) fn count_proxy_request(status: u16) {
    counter!(PROXY_REQUESTS_TOTAL, "status" => label(status)).increment(1);
}

/// Counts a request with a wrong secret.
pub(crate) fn count_wrong_secret() {
    counter!(WRONG_SECRETS_TOTAL).increment(1);
}

pub(crate) fn set_pending_invites(requests: usize) {
    gauge!(PENDING_INVITES).set(requests as f64);
}

fn label(status: u16) -> String {
    if STATUSES.contains(&status) { status.to_string() } else { OTHER_STATUS.to_owned() }
}
