//! Measures how long the steps of a call take. Nothing is known of a resumed call: it would include the
//! time without a connector.

use bus::message::{HopTimestamps, StepDurations};
use common::entropy::unix_micros;

/// When a call reached each step, in unix microseconds.
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
        let step = |from: u64, to: u64| Some(to.saturating_sub(from));
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
        let answer_us = self.accepted.map(|accepted| unix_micros().saturating_sub(accepted));
        StepDurations { answer_us, ..StepDurations::default() }
    }
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
