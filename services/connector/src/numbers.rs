//! What a connector counts and measures, for `/metrics`: each number with its words and its labels. Whatever
//! can be counted is there from the start, at nothing.

use bus::message::{CallEvent, CallRecord, EndKind, StepDurations};
use common::BackendName;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

const STEP: &str = "switchboard_call_step_seconds";
const SETUP: &str = "switchboard_call_setup_seconds";
const RANG: &str = "switchboard_calls_rang_total";
const ANSWERED: &str = "switchboard_calls_answered_total";
const ENDED: &str = "switchboard_calls_ended_total";
const UP: &str = "switchboard_connector_janus_up";
const CALLS: &str = "switchboard_connector_calls";
const LOST: &str = "switchboard_janus_connections_lost_total";
const RECONNECTS: &str = "switchboard_janus_reconnects_total";
const BREAKER: &str = "switchboard_connector_breaker";
const PROBE: &str = "switchboard_connector_probe_seconds";

/// Messages to edges and rest services.
pub const OUTBOX: &str = "outbox";
/// Lines of the log `calls`.
pub const CALLS_LOG: &str = "calls_log";
/// What Janus says while the lease is not sure.
pub const DEFERRED_INPUT: &str = "janus_held";
/// What Janus has not read.
pub const REQUESTS: &str = "janus_requests";
/// Candidates that wait on a leg.
pub const CANDIDATES: &str = "leg_candidates";

/// Says what there is, for a connector that starts.
pub fn describe() {
    describe_histogram!(
        STEP,
        "Time that each step of setting a call up took; docs/operate.md has the steps."
    );
    describe_histogram!(SETUP, "Time from a client's call until both sides were told that it rings.");
    describe_counter!(RANG, "Calls that rang.");
    describe_counter!(ANSWERED, "Calls that were answered.");
    describe_counter!(ENDED, "Calls that ended after they rang, by what ended them.");
    describe_gauge!(
        UP,
        "1 while the Janus server takes calls, else 0; NaN where another connector serves it by now, or none."
    );
    describe_gauge!(CALLS, "Calls on a Janus server, of the connector that serves it.");
    describe_counter!(LOST, "Connections to a Janus server that broke, and all calls on it with them.");
    describe_counter!(RECONNECTS, "Connections to a Janus server that were made again after one broke.");
    describe_gauge!(BREAKER, "Whether the VideoCall plugin is trusted: 0 yes, 1 it is being tried, 2 no.");
    describe_histogram!(PROBE, "Time the VideoCall plugin took to answer a probe.");
    StepDurations::default().named().iter().for_each(|(step, _)| drop(histogram!(STEP, "step" => *step)));
    let _ = histogram!(SETUP);
    [RANG, ANSWERED].iter().for_each(|name| counter!(*name).increment(0));
    EndKind::ALL.iter().for_each(|kind| counter!(ENDED, "reason" => kind.name()).increment(0));
    service::metrics::register_queues(&[OUTBOX, CALLS_LOG, DEFERRED_INPUT, REQUESTS, CANDIDATES]);
}

/// A line is written to the log `calls`, not the last.
pub fn record_call_event(line: &CallRecord) {
    match line.event {
        CallEvent::Ringing => counter!(RANG).increment(1),
        CallEvent::Answered => counter!(ANSWERED).increment(1),
        CallEvent::Ended => {}
    }
    for (step, took) in line.steps.named() {
        if let Some(took) = took {
            histogram!(STEP, "step" => step).record(Duration::from_micros(took));
        }
    }
    if let Some(took) = line.steps.setup_us() {
        histogram!(SETUP).record(Duration::from_micros(took));
    }
}

/// A call that had rung is over.
pub fn record_ended(kind: EndKind) {
    counter!(ENDED, "reason" => kind.name()).increment(1);
}

/// One of these queues was full.
pub fn record_full(queue: &'static str) {
    service::metrics::queue_full(queue);
}

/// What the breaker of a backend says now.
pub fn set_breaker(backend: &BackendName, state: u8) {
    gauge!(BREAKER, "backend" => backend.to_string()).set(state);
}

/// The plugin has answered a probe.
pub fn record_probe(backend: &BackendName, took: Duration) {
    histogram!(PROBE, "backend" => backend.to_string()).record(took);
}

/// What operators see of a backend while it is served here. Later another connector tells of it.
pub struct BackendGauges {
    backend: String,
    was_lost: bool,
}

impl BackendGauges {
    /// Nothing known yet.
    pub fn new(backend: &BackendName) -> Self {
        let backend = backend.to_string();
        counter!(LOST, "backend" => backend.clone()).increment(0);
        counter!(RECONNECTS, "backend" => backend.clone()).increment(0);
        let seen = Self { backend, was_lost: false };
        seen.set(false, 0);
        seen
    }

    /// Whether it takes calls, and how many it has.
    pub fn set(&self, works: bool, calls: usize) {
        gauge!(UP, "backend" => self.backend.clone()).set(u8::from(works));
        gauge!(CALLS, "backend" => self.backend.clone()).set(calls as f64);
    }

    /// The connection broke.
    pub fn on_disconnected(&mut self) {
        self.was_lost = true;
        counter!(LOST, "backend" => self.backend.clone()).increment(1);
    }

    /// There is a connection.
    pub fn on_connected(&mut self) {
        if std::mem::take(&mut self.was_lost) {
            counter!(RECONNECTS, "backend" => self.backend.clone()).increment(1);
        }
    }
}

impl Drop for BackendGauges {
    fn drop(&mut self) {
        self.set(false, 0);
        gauge!(UP, "backend" => self.backend.clone()).set(f64::NAN);
    }
}
