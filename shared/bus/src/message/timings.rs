//! The timing of a call's setup: timestamps that travel with `place`, and durations in the log `calls`.
//!
//! The clocks of two hosts may differ: a negative duration becomes 0.

use serde::{Deserialize, Serialize};

/// When a call passed each service on its way to a connector, in unix microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopTimestamps {
    /// An edge put the request on the bus; for a caller at janus-cloud, a rest service.
    pub requested_at: u64,
    /// A router took the request from its queue.
    pub dequeued_at: u64,
    /// The router posted the call to the backend.
    pub posted_at: u64,
}

/// The duration of each step, in microseconds; `None` for a step that is unknown or was not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDurations {
    /// From the request at the edge until a router took it from its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_us: Option<u64>,
    /// Until the router had queried the directory and posted the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_us: Option<u64>,
    /// Until a connector took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_us: Option<u64>,
    /// Until both sides had a registered handle on Janus and the offer was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attach_us: Option<u64>,
    /// Until Janus rang and both sides were notified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_us: Option<u64>,
    /// From the callee's `accept` at the connector until the caller was notified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_us: Option<u64>,
}

impl StepDurations {
    /// Each step with its name in metrics and in `trace`.
    pub fn named(&self) -> [(&'static str, Option<u64>); 6] {
        [
            ("queue", self.queue_us),
            ("directory", self.directory_us),
            ("place", self.place_us),
            ("attach", self.attach_us),
            ("ring", self.ring_us),
            ("answer", self.answer_us),
        ]
    }

    /// From the request until ringing; `None` when one of these steps is unknown.
    pub fn setup_us(&self) -> Option<u64> {
        let [queue, directory, place, attach, ring, _] = self.named().map(|(_, step)| step);
        [queue, directory, place, attach, ring]
            .into_iter()
            .try_fold(0_u64, |sum, step| Some(sum.saturating_add(step?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_is_the_sum_of_its_steps() {
        let steps = StepDurations {
            queue_us: Some(1),
            directory_us: Some(2),
            place_us: Some(3),
            attach_us: Some(4),
            ring_us: Some(5),
            answer_us: None,
        };
        assert_eq!(steps.setup_us(), Some(15));
        assert_eq!(StepDurations { attach_us: None, ..steps }.setup_us(), None);
        assert_eq!(StepDurations { answer_us: Some(9), ..steps }.setup_us(), Some(15));
    }
}
