//! The statistics of calls, shared by all pairs of a run.
//!
//! Calls and their errors count during the measurement only. Errors of pairs that cannot register always count.

use crate::error::{CallError, ErrorCounts};
use crate::output::LatencyHistogram;
use common::sync::Mutex;
use std::time::Duration;

#[derive(Default)]
pub struct CallCounts {
    is_measuring: bool,
    /// All calls that were hung up, also before the measurement.
    pub all: u64,
    /// Calls that were hung up during the measurement.
    pub calls: u64,
    pub errors: ErrorCounts,
    pub ring: LatencyHistogram,
    pub refusal: LatencyHistogram,
    pub accept: LatencyHistogram,
    pub hangup: LatencyHistogram,
}

/// A timed step of a call.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Ring,
    /// A refusal instead of ringing.
    Refusal,
    Accept,
    Hangup,
}

#[derive(Default)]
pub struct Stats(Mutex<CallCounts>);

impl Stats {
    pub fn start_measuring(&self) {
        self.0.lock().is_measuring = true;
    }

    /// Returns the counts and resets them; the measurement ends.
    pub fn take(&self) -> CallCounts {
        std::mem::take(&mut *self.0.lock())
    }

    /// Records the time of a step.
    pub fn record(&self, step: Step, time: Duration) {
        let mut counts = self.0.lock();
        if counts.is_measuring {
            match step {
                Step::Ring => counts.ring.add(time),
                Step::Refusal => counts.refusal.add(time),
                Step::Accept => counts.accept.add(time),
                Step::Hangup => counts.hangup.add(time),
            }
        }
    }

    /// Counts a call that was hung up.
    pub fn count_call(&self) {
        let mut counts = self.0.lock();
        counts.all += 1;
        counts.calls += u64::from(counts.is_measuring);
    }

    /// Counts an error of a call.
    pub fn count_error(&self, error: &CallError) {
        let mut counts = self.0.lock();
        if counts.is_measuring {
            counts.errors.add(error);
        }
    }

    /// Counts an error that keeps a pair from registering.
    pub fn count_missing_pair(&self, error: &CallError) {
        self.0.lock().errors.add(error);
    }

    /// The number of all calls and the errors so far.
    pub fn snapshot(&self) -> (u64, ErrorCounts) {
        let counts = self.0.lock();
        (counts.all, counts.errors.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_calls_and_all_missing_pairs_count() {
        let stats = Stats::default();
        let call_and_error = || {
            stats.record(Step::Ring, Duration::from_millis(5));
            stats.count_call();
            stats.count_error(&CallError::Busy);
        };
        call_and_error();
        stats.count_missing_pair(&CallError::Lost);
        assert_eq!(stats.snapshot().1.to_string(), "errors: connection lost (1)");
        stats.start_measuring();
        call_and_error();
        let counts = stats.take();
        assert_eq!((counts.all, counts.calls), (2, 1));
        assert_eq!(counts.errors.to_string(), "errors: callee busy (1), connection lost (1)");
        assert!(serde_json::to_string(&counts.ring).unwrap().starts_with(r#"{"p50":5.0"#));
    }
}
