//! The metrics of a connector, with their help texts and labels. Every counter is exported from the
//! start, as zero.

use crate::breaker::outcomes::SetupFailure;
use crate::undelivered::Loss;
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
const SETUP_FAILED: &str = "switchboard_call_setup_failures_total";
const SECOND_ATTEMPTS: &str = "switchboard_calls_second_attempts_total";
const UNDELIVERED: &str = "switchboard_connector_messages_undelivered_total";
const PROBE: &str = "switchboard_connector_probe_seconds";

/// The queue of messages to edges and rest services.
pub const OUTBOX: &str = "outbox";
/// The queue of records for the `calls` log.
pub const CALLS_LOG: &str = "calls_log";
/// The messages from Janus that are deferred while the lease may have run out.
pub const DEFERRED_INPUT: &str = "janus_deferred";
/// The queue of requests to Janus.
pub const REQUESTS: &str = "janus_requests";
/// The events of Janus that wait to be sent together.
pub const BATCH: &str = "leg_batch";
/// The candidates that wait on a leg.
pub const CANDIDATES: &str = "leg_candidates";

pub fn describe() {
    describe_histogram!(STEP, "Duration of each step of call setup; docs/operate.md lists the steps.");
    describe_histogram!(SETUP, "Time from a client's call request until both sides ring.");
    describe_counter!(RANG, "Calls that rang.");
    describe_counter!(ANSWERED, "Calls that were answered.");
    describe_counter!(
        ENDED,
        "Calls that ended after they rang, or because of an event that could not be delivered, by reason."
    );
    describe_gauge!(
        UP,
        "1 while the Janus server can be reached and its probe succeeds, else 0; NaN if this connector does not serve it."
    );
    describe_gauge!(CALLS, "Calls on the Janus server.");
    describe_counter!(LOST, "Lost connections to a Janus server; all its calls end.");
    describe_counter!(RECONNECTS, "Connections to a Janus server that were restored.");
    describe_gauge!(
        BREAKER,
        "Circuit breaker of the Janus server: 0 closed, 1 half-open, 2 open; NaN if this connector does not serve it."
    );
    describe_counter!(SETUP_FAILED, "Calls that a Janus server did not set up, by reason.");
    describe_counter!(
        SECOND_ATTEMPTS,
        "Calls that were handed over for another Janus server before they rang."
    );
    describe_counter!(
        UNDELIVERED,
        "Messages of calls to edges, rest services and routers that were given up, by reason. A lost event ends its call."
    );
    describe_histogram!(PROBE, "Time that a probe of the Janus server took.");
    StepDurations::default().named().iter().for_each(|(step, _)| drop(histogram!(STEP, "step" => *step)));
    let _ = histogram!(SETUP);
    [RANG, ANSWERED, SECOND_ATTEMPTS].iter().for_each(|name| counter!(*name).increment(0));
    SetupFailure::NAMES.iter().for_each(|name| counter!(SETUP_FAILED, "reason" => *name).increment(0));
    Loss::ALL.iter().for_each(|loss| counter!(UNDELIVERED, "reason" => loss.name()).increment(0));
    EndKind::ALL.iter().for_each(|kind| counter!(ENDED, "reason" => kind.name()).increment(0));
    service::metrics::register_queues(&[OUTBOX, CALLS_LOG, DEFERRED_INPUT, REQUESTS, BATCH, CANDIDATES]);
}

/// Counts a record of the `calls` log, except the last of a call.
pub fn record_call_event(record: &CallRecord) {
    match record.event {
        CallEvent::Ringing => counter!(RANG).increment(1),
        CallEvent::Answered => counter!(ANSWERED).increment(1),
        CallEvent::Ended => {}
    }
    for (step, micros) in record.steps.named() {
        if let Some(micros) = micros {
            histogram!(STEP, "step" => step).record(Duration::from_micros(micros));
        }
    }
    if let Some(micros) = record.steps.setup_us() {
        histogram!(SETUP).record(Duration::from_micros(micros));
    }
}

/// Counts a message that is given up.
pub fn record_lost(loss: Loss) {
    counter!(UNDELIVERED, "reason" => loss.name()).increment(1);
}

/// Counts the end of a call that has rung.
pub fn record_ended(kind: EndKind) {
    counter!(ENDED, "reason" => kind.name()).increment(1);
}

/// Counts the outcome of a call's setup.
pub fn record_setup(result: Result<Duration, SetupFailure>) {
    if let Err(failure) = result {
        counter!(SETUP_FAILED, "reason" => failure.name()).increment(1);
    }
}

/// Counts a call that was handed over for another backend.
pub fn record_second_attempt() {
    counter!(SECOND_ATTEMPTS).increment(1);
}

/// Counts an item that was dropped because this queue is full.
pub fn record_full(queue: &'static str) {
    service::metrics::queue_full(queue);
}

pub fn set_breaker(backend: &BackendName, state: u8) {
    gauge!(BREAKER, "backend" => backend.to_string()).set(state);
}

pub fn record_probe(backend: &BackendName, latency: Duration) {
    histogram!(PROBE, "backend" => backend.to_string()).record(latency);
}

/// The gauges of a backend while this connector serves it.
pub struct BackendGauges {
    backend: String,
    was_disconnected: bool,
}

impl BackendGauges {
    pub fn new(backend: &BackendName) -> Self {
        let backend = backend.to_string();
        counter!(LOST, "backend" => backend.clone()).increment(0);
        counter!(RECONNECTS, "backend" => backend.clone()).increment(0);
        let gauges = Self { backend, was_disconnected: false };
        gauges.set(false, 0);
        gauges
    }

    pub fn set(&self, is_working: bool, calls: usize) {
        gauge!(UP, "backend" => self.backend.clone()).set(u8::from(is_working));
        gauge!(CALLS, "backend" => self.backend.clone()).set(calls as f64);
    }

    pub fn on_disconnected(&mut self) {
        self.was_disconnected = true;
        counter!(LOST, "backend" => self.backend.clone()).increment(1);
    }

    pub fn on_connected(&mut self) {
        if std::mem::take(&mut self.was_disconnected) {
            counter!(RECONNECTS, "backend" => self.backend.clone()).increment(1);
        }
    }
}

impl Drop for BackendGauges {
    fn drop(&mut self) {
        self.set(false, 0);
        gauge!(UP, "backend" => self.backend.clone()).set(f64::NAN);
        gauge!(BREAKER, "backend" => self.backend.clone()).set(f64::NAN);
    }
}
