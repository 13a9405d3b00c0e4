//! How long the steps of a call take, for the log and for metrics.

use bus::message::{HopTimestamps, StepDurations};
use common::clock::unix_micros;

/// A step that seems to take longer is a jump of Redis' clock: every step has a shorter timeout.
const MAX_STEP_MICROS: u64 = 60_000_000;

/// When a call reached each step, in unix microseconds. A resumed call is not measured: its steps would
/// include the time without a connector.
#[derive(Debug, Default)]
pub struct CallTimings {
    /// The steps before this connector.
    hops: Option<HopTimestamps>,
    placed: u64,
    offered: Option<u64>,
    accepted: Option<u64>,
}

impl CallTimings {
    /// This connector takes the call now.
    pub fn start(hops: Option<HopTimestamps>) -> Self {
        Self { hops, placed: unix_micros(), ..Self::default() }
    }

    /// When the call was requested, in unix microseconds.
    pub fn requested_at(&self) -> Option<u64> {
        self.hops.map(|hops| hops.requested_at)
    }

    /// The offer is sent to Janus, or the remote caller may send it there.
    pub fn mark_offered(&mut self) {
        self.offered.get_or_insert_with(unix_micros);
    }

    /// The callee has sent `accept`. A callee may repeat it.
    pub fn mark_accepted(&mut self) {
        self.accepted = Some(unix_micros());
    }

    /// The steps of a call that rings now.
    pub fn ringing_steps(&self) -> StepDurations {
        let Some(HopTimestamps { requested_at, dequeued_at, posted_at }) = self.hops else {
            return StepDurations::default();
        };
        StepDurations {
            queue_us: step(requested_at, dequeued_at),
            directory_us: step(dequeued_at, posted_at),
            place_us: step(posted_at, self.placed),
            attach_us: self.offered.and_then(|offered| step(self.placed, offered)),
            ring_us: self.offered.and_then(|offered| step(offered, unix_micros())),
            answer_us: None,
        }
    }

    /// The steps of a call that is answered now.
    pub fn answered_steps(&self) -> StepDurations {
        let answer_us = self.accepted.and_then(|accepted| step(accepted, unix_micros()));
        StepDurations { answer_us, ..StepDurations::default() }
    }
}

/// The duration of a step; none when Redis' clock has jumped meanwhile.
fn step(from: u64, to: u64) -> Option<u64> {
    Some(to.saturating_sub(from)).filter(|micros| *micros <= MAX_STEP_MICROS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_skew_never_yields_negative_durations() {
        let future = unix_micros() + 3_600_000_000;
        let times = HopTimestamps { requested_at: future + 7, dequeued_at: future, posted_at: future + 5 };
        let mut timings = CallTimings::start(Some(times));
        timings.mark_offered();
        let steps = timings.ringing_steps();
        assert_eq!((steps.queue_us, steps.directory_us, steps.place_us), (Some(0), Some(5), Some(0)));
        assert!(steps.setup_us().is_some_and(|sum| sum < 60_000_000), "{steps:?}");
        assert_eq!([step(1, 60_000_001), step(1, 60_000_002)], [Some(60_000_000), None]);
    }

    #[test]
    fn unknown_steps_are_not_measured() {
        assert_eq!(CallTimings::start(None).ringing_steps(), StepDurations::default());
        let timings =
            CallTimings::start(Some(HopTimestamps { requested_at: 1, dequeued_at: 2, posted_at: 3 }));
        assert_eq!(
            (timings.ringing_steps().ring_us, timings.answered_steps()),
            (None, StepDurations::default())
        );
    }
}
