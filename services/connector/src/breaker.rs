//! Whether a backend is trusted with new calls. Pure: what happened and when goes in, a state comes out.
//!
//! *Closed*: it is. *Open*: it is not, until a pause is over. *Half-open*: the next probe decides; so
//! it begins, for nothing is known yet. It opens when a probe fails, and when [`TOO_MANY`] calls within
//! [`WINDOW`] got no answer. Each pause is twice as long as the one before, up to [`LONGEST_PAUSE`],
//! until it has been closed for that long.

use std::time::Duration;
use tokio::time::Instant;

const MIN_OPEN_TIME: Duration = Duration::from_secs(2);
const MAX_OPEN_TIME: Duration = Duration::from_secs(10);
/// How many unanswered calls open it, and within what time.
const MAX_UNANSWERED: usize = 2;
const UNANSWERED_WINDOW: Duration = Duration::from_secs(10);

/// The breaker of one backend.
#[derive(Debug)]
pub struct Breaker {
    state: BreakerState,
    /// How long it will be open the next time.
    open_time: Duration,
    /// When the last calls were not answered, while it is closed; fewer than [`TOO_MANY`].
    unanswered: Vec<Instant>,
}

/// What a breaker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// New calls may come, since then.
    Closed(Instant),
    /// No new calls until a probe succeeds.
    HalfOpen,
    /// No new calls, and no probe until then.
    Open(Instant),
}

impl BreakerState {
    /// Whether new calls may come.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// As the metric has it.
    pub fn as_metric(self) -> u8 {
        match self {
            Self::Closed(_) => 0,
            Self::HalfOpen => 1,
            Self::Open(_) => 2,
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: BreakerState::HalfOpen, open_time: MIN_OPEN_TIME, unanswered: Vec::new() }
    }
}

impl Breaker {
    /// What it says now.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// A probe begins.
    pub fn half_open(&mut self, now: Instant) {
        if matches!(self.state, BreakerState::Open(until) if until <= now) {
            self.state = BreakerState::HalfOpen;
        }
    }

    /// A probe was answered. Where calls have opened it meanwhile, that says nothing.
    pub fn on_success(&mut self, now: Instant) {
        if self.state == BreakerState::HalfOpen {
            self.state = BreakerState::Closed(now);
        }
    }

    /// A probe was not answered.
    pub fn on_failure(&mut self, now: Instant) {
        match self.state {
            BreakerState::Open(_) => return,
            BreakerState::Closed(since) if now - since >= MAX_OPEN_TIME => self.open_time = MIN_OPEN_TIME,
            BreakerState::Closed(_) | BreakerState::HalfOpen => {}
        }
        self.state = BreakerState::Open(now + self.open_time);
        self.open_time = (self.open_time * 2).min(MAX_OPEN_TIME);
        self.unanswered.clear();
    }

    /// Something that a call needs was not answered.
    pub fn on_unanswered_call(&mut self, now: Instant) {
        if !self.state.is_closed() {
            return;
        }
        self.unanswered.retain(|at| now - *at < UNANSWERED_WINDOW);
        self.unanswered.push(now);
        if self.unanswered.len() >= MAX_UNANSWERED {
            self.on_failure(now);
        }
    }

    /// The server was reached anew, and may have been started anew: a probe may decide at once.
    pub fn on_reconnect(&mut self) {
        if let BreakerState::Open(_) = self.state {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A breaker and the time, in seconds since it was made.
    struct Bench {
        breaker: Breaker,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Self { breaker: Breaker::default(), now: Instant::now() }
        }

        /// One that has been closed for so long.
        fn closed_for(seconds: u64) -> Self {
            let mut bench = Self::new();
            bench.breaker.on_success(bench.now);
            bench.wait(seconds);
            bench
        }

        fn wait(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        /// Seconds until the next probe may be made.
        fn pause(&self) -> Option<u64> {
            match self.breaker.state() {
                BreakerState::Open(until) => Some((until - self.now).as_secs()),
                BreakerState::Closed(_) | BreakerState::HalfOpen => None,
            }
        }

        /// A probe when the pause is over; the pause that follows if it fails.
        fn probe(&mut self, is_answered: bool) -> Option<u64> {
            self.wait(self.pause().unwrap_or_default());
            self.breaker.half_open(self.now);
            match is_answered {
                true => self.breaker.on_success(self.now),
                false => self.breaker.on_failure(self.now),
            }
            self.pause()
        }
    }

    #[test]
    fn the_first_probe_decides() {
        let mut bench = Bench::new();
        assert_eq!(bench.breaker.state(), BreakerState::HalfOpen);
        assert_eq!(bench.probe(true), None);
        assert!(bench.breaker.state().is_closed());
        assert_eq!(Bench::new().probe(false), Some(2));
    }

    #[test]
    fn a_probe_that_fails_opens_it_and_each_pause_is_longer() {
        let mut bench = Bench::closed_for(2);
        let pauses: Vec<_> = (0..5).map(|_| bench.probe(false).unwrap()).collect();
        assert_eq!(pauses, [2, 4, 8, 10, 10]);
        bench.probe(true);
        assert!(bench.breaker.state().is_closed());
    }

    #[test]
    fn it_stays_open_until_its_pause_is_over() {
        let mut bench = Bench::closed_for(2);
        bench.probe(false);
        bench.wait(1);
        bench.breaker.half_open(bench.now);
        bench.breaker.on_success(bench.now);
        assert_eq!(bench.pause(), Some(1), "an answer that comes late closes nothing");
        bench.breaker.on_failure(bench.now);
        assert_eq!(bench.pause(), Some(1), "what fails while it is open does not prolong it");
    }

    #[test]
    fn who_fails_again_soon_waits_longer_and_who_has_worked_for_a_while_does_not() {
        let mut bench = Bench::closed_for(0);
        assert_eq!(bench.probe(false), Some(2));
        bench.probe(true);
        bench.wait(9);
        assert_eq!(bench.probe(false), Some(4));
        bench.probe(true);
        bench.wait(10);
        assert_eq!(bench.probe(false), Some(2));
    }

    #[test]
    fn two_unanswered_calls_within_ten_seconds_open_it() {
        let mut bench = Bench::closed_for(60);
        for wait in [0, 10, 10] {
            bench.wait(wait);
            bench.breaker.on_unanswered_call(bench.now);
            assert_eq!(bench.pause(), None);
        }
        bench.wait(9);
        bench.breaker.on_unanswered_call(bench.now);
        assert_eq!(bench.pause(), Some(2));
        bench.breaker.on_unanswered_call(bench.now);
        bench.probe(true);
        bench.breaker.on_unanswered_call(bench.now);
        assert_eq!(bench.pause(), None, "those before it closed do not count");
    }

    #[test]
    fn a_server_that_is_reached_anew_is_tried_at_once() {
        let mut bench = Bench::closed_for(2);
        bench.breaker.on_reconnect();
        assert!(bench.breaker.state().is_closed(), "nothing is held against it");
        bench.probe(false);
        bench.probe(false);
        bench.breaker.on_reconnect();
        assert_eq!(bench.breaker.state(), BreakerState::HalfOpen);
        assert_eq!(bench.probe(false), Some(2));
    }
}
