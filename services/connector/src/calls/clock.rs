//! How long a call takes from step to step, measured as it goes. Of a call that was taken over nothing is
//! known; it would have waited for its connector.

use bus::message::{Steps, Times};
use protocol::outside::unix_micros;

/// When a call came by where, in unix microseconds.
#[derive(Debug, Default)]
pub struct Clock {
    times: Option<Times>,
    placed: u64,
    offered: Option<u64>,
    accepted: Option<u64>,
}

impl Clock {
    /// The call is placed here now, and came by there before.
    pub fn start(times: Option<Times>) -> Self {
        Self { times, placed: unix_micros(), ..Self::default() }
    }

    /// The offer goes to Janus, or may come over it.
    pub fn offered(&mut self) {
        self.offered.get_or_insert_with(unix_micros);
    }

    /// The callee wants to accept. It may have to do so twice.
    pub fn accepted(&mut self) {
        self.accepted = Some(unix_micros());
    }

    /// It rings now.
    pub fn until_it_rings(&self) -> Steps {
        let Some(Times { asked, taken, posted }) = self.times else { return Steps::default() };
        let step = |from: u64, to: u64| Some(to.saturating_sub(from));
        Steps {
            queue_us: step(asked, taken),
            directory_us: step(taken, posted),
            place_us: step(posted, self.placed),
            attach_us: self.offered.and_then(|offered| step(self.placed, offered)),
            ring_us: self.offered.and_then(|offered| step(offered, unix_micros())),
            answer_us: None,
        }
    }

    /// The caller is told now that it is answered.
    pub fn until_it_is_answered(&self) -> Steps {
        let answer_us = self.accepted.map(|accepted| unix_micros().saturating_sub(accepted));
        Steps { answer_us, ..Steps::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_make_no_step_last_for_less_than_nothing() {
        let far_ahead = unix_micros() + 3_600_000_000;
        let times = Times { asked: far_ahead + 7, taken: far_ahead, posted: far_ahead + 5 };
        let mut clock = Clock::start(Some(times));
        clock.offered();
        let steps = clock.until_it_rings();
        assert_eq!((steps.queue_us, steps.directory_us, steps.place_us), (Some(0), Some(5), Some(0)));
        assert!(steps.set_up_us().is_some_and(|sum| sum < 60_000_000), "{steps:?}");
    }

    #[test]
    fn what_is_not_known_is_not_measured() {
        assert_eq!(Clock::start(None).until_it_rings(), Steps::default());
        let clock = Clock::start(Some(Times { asked: 1, taken: 2, posted: 3 }));
        assert_eq!((clock.until_it_rings().ring_us, clock.until_it_is_answered()), (None, Steps::default()));
    }
}
