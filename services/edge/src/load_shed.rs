//! Whether there are too many calls: a router says so when it refuses one, and for [`PAUSE`] this edge refuses by
//! itself what begins another. It costs next to nothing then, and is left to those that are on.
//!
//! No media server runs out of work meanwhile: it is crowded only when more waits for it than it does in that time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long calls are refused after a router has refused one.
pub const SHED_DURATION: Duration = Duration::from_millis(200);

/// Until when calls are refused.
#[derive(Default)]
pub struct LoadShedder(Mutex<Option<Instant>>);

impl LoadShedder {
    /// A router has refused a call, for there are too many.
    pub fn note_overload(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + SHED_DURATION);
    }

    /// Whether there are still too many.
    pub fn is_shedding(&self, now: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_for_a_moment() {
        let (crowd, now) = (LoadShedder::default(), Instant::now());
        assert!(!crowd.is_shedding(now));
        crowd.note_overload(now);
        assert_eq!(
            [SHED_DURATION / 2, SHED_DURATION].map(|later| crowd.is_shedding(now + later)),
            [true, false]
        );
    }
}
