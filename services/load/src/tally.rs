//! What calls come to. One for a run, behind a lock that is held for nanoseconds.
//!
//! Calls and what goes wrong with them count while it is measured; what keeps a pair from being there at
//! all counts always.

use crate::errors::ErrorCounts;
use crate::failed::CallError;
use crate::times::LatencyHistogram;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What was counted.
#[derive(Default)]
pub struct CallCounts {
    /// Whether calls count.
    measured: bool,
    /// Calls that were hung up since the beginning, also before the measurement.
    pub all: u64,
    /// Those that count.
    pub calls: u64,
    pub errors: ErrorCounts,
    pub ring: LatencyHistogram,
    pub refusal: LatencyHistogram,
    pub accept: LatencyHistogram,
    pub hangup: LatencyHistogram,
}

/// A step of a call that takes a time.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Ring,
    /// A call is refused instead.
    Refusal,
    Accept,
    Hangup,
}

/// Counts that all pairs share.
#[derive(Default)]
pub struct Stats(Mutex<CallCounts>);

impl Stats {
    /// From now on it is measured.
    pub fn start_measuring(&self) {
        self.counts().measured = true;
    }

    /// Tells what was counted, and counts from the beginning, without measuring.
    pub fn take(&self) -> CallCounts {
        std::mem::take(&mut *self.counts())
    }

    /// A step of a call is done.
    pub fn record(&self, step: Step, time: Duration) {
        let mut counts = self.counts();
        if counts.measured {
            match step {
                Step::Ring => counts.ring.add(time),
                Step::Refusal => counts.refusal.add(time),
                Step::Accept => counts.accept.add(time),
                Step::Hangup => counts.hangup.add(time),
            }
        }
    }

    /// A call was made and hung up.
    pub fn count_call(&self) {
        let mut counts = self.counts();
        counts.all += 1;
        counts.calls += u64::from(counts.measured);
    }

    /// A call went wrong.
    pub fn count_error(&self, failed: &CallError) {
        let mut counts = self.counts();
        if counts.measured {
            counts.errors.add(failed);
        }
    }

    /// A pair is not there.
    pub fn count_missing_pair(&self, failed: &CallError) {
        self.counts().errors.add(failed);
    }

    /// All calls, and the errors, for whoever watches.
    pub fn so_far(&self) -> (u64, ErrorCounts) {
        let counts = self.counts();
        (counts.all, counts.errors.clone())
    }

    fn counts(&self) -> MutexGuard<'_, CallCounts> {
        // Counts are whole after every line.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_measured_counts_but_who_is_missing_always_does() {
        let tally = Stats::default();
        let a_call_and_an_error = || {
            tally.record(Step::Ring, Duration::from_millis(5));
            tally.count_call();
            tally.count_error(&CallError::Busy);
        };
        a_call_and_an_error();
        tally.count_missing_pair(&CallError::Lost);
        assert_eq!(tally.so_far().1.to_string(), "errors: connection lost (1)");
        tally.start_measuring();
        a_call_and_an_error();
        let counts = tally.take();
        assert_eq!((counts.all, counts.calls), (2, 1));
        assert_eq!(counts.errors.to_string(), "errors: callee busy (1), connection lost (1)");
        assert!(serde_json::to_string(&counts.ring).unwrap().starts_with(r#"{"p50":5.0"#));
    }
}
