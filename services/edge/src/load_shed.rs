//! Load shedding: after a router has refused a call because of overload, the edge refuses new calls itself for
//! [`SHED_DURATION`]. That costs almost nothing, and leaves the machine to established calls.
//!
//! The media servers do not run idle in that time: a backend counts as overloaded only when more work waits for it
//! than it does in that time.

use common::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// How long the edge refuses calls after a router has refused one.
pub const SHED_DURATION: Duration = Duration::from_millis(200);

/// Whether the edge refuses calls.
#[derive(Default)]
pub struct LoadShedder {
    shedding_until: Mutex<Option<Instant>>,
}

impl LoadShedder {
    pub fn note_overload(&self, now: Instant) {
        *self.shedding_until.lock() = Some(now + SHED_DURATION);
    }

    pub fn is_shedding(&self, now: Instant) -> bool {
        self.shedding_until.lock().is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shedding_lasts_for_its_duration() {
        let (shedder, now) = (LoadShedder::default(), Instant::now());
        assert!(!shedder.is_shedding(now));
        shedder.note_overload(now);
        let is_shedding = [SHED_DURATION / 2, SHED_DURATION].map(|later| shedder.is_shedding(now + later));
        assert_eq!(is_shedding, [true, false]);
    }
}
