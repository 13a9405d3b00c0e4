//! A circuit breaker: decides whether a backend gets new calls, from the outcomes of probes and calls. It
//! has no clock of its own.
//!
//! *Closed*: the backend gets calls. *Open*: it gets none, for some time. *Half-open*: the next probe
//! decides; this is also the first state. The breaker opens when a probe fails, or when
//! [`MAX_UNANSWERED`] calls go unanswered within [`UNANSWERED_WINDOW`]. Each time it stays open twice as
//! long, up to [`MAX_OPEN_TIME`]. After it was closed for [`MAX_OPEN_TIME`], it starts again with the
//! shortest time.

use std::time::Duration;
use tokio::time::Instant;

const MIN_OPEN_TIME: Duration = Duration::from_secs(2);
const MAX_OPEN_TIME: Duration = Duration::from_secs(10);
const MAX_UNANSWERED: usize = 2;
const UNANSWERED_WINDOW: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Breaker {
    state: BreakerState,
    /// How long it will be open the next time.
    open_time: Duration,
    /// The times of unanswered calls while it is closed; fewer than [`MAX_UNANSWERED`].
    unanswered: Vec<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// New calls are allowed, since this time.
    Closed(Instant),
    /// No new calls until a probe succeeds.
    HalfOpen,
    /// No new calls and no probe until this time.
    Open(Instant),
}

impl BreakerState {
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// The value of the metric `switchboard_connector_breaker`.
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
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// A probe begins: an open breaker whose time is over becomes half-open.
    pub fn half_open(&mut self, now: Instant) {
        if matches!(self.state, BreakerState::Open(until) if until <= now) {
            self.state = BreakerState::HalfOpen;
        }
    }

    /// A probe succeeded. An open breaker stays open: calls have opened it since.
    pub fn on_success(&mut self, now: Instant) {
        if self.state == BreakerState::HalfOpen {
            self.state = BreakerState::Closed(now);
        }
    }

    /// A probe failed.
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

    /// Janus did not reply to a request that a call needs.
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

    /// The probe has connected again. Janus may have been restarted, so the next probe decides at once.
    pub fn on_reconnect(&mut self) {
        if let BreakerState::Open(_) = self.state {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A breaker and the current time.
    struct Harness {
        breaker: Breaker,
        now: Instant,
    }

    impl Harness {
        fn new() -> Self {
            Self { breaker: Breaker::default(), now: Instant::now() }
        }

        /// A breaker that has been closed for this long.
        fn closed_for(seconds: u64) -> Self {
            let mut harness = Self::new();
            harness.breaker.on_success(harness.now);
            harness.wait(seconds);
            harness
        }

        fn wait(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        /// Seconds until the next probe is allowed.
        fn pause(&self) -> Option<u64> {
            match self.breaker.state() {
                BreakerState::Open(until) => Some((until - self.now).as_secs()),
                BreakerState::Closed(_) | BreakerState::HalfOpen => None,
            }
        }

        /// Probes once the pause is over. Returns the pause that follows a failure.
        fn probe(&mut self, succeeds: bool) -> Option<u64> {
            self.wait(self.pause().unwrap_or_default());
            self.breaker.half_open(self.now);
            if succeeds {
                self.breaker.on_success(self.now);
            } else {
                self.breaker.on_failure(self.now);
            }
            self.pause()
        }
    }

    #[test]
    fn first_probe_decides() {
        let mut harness = Harness::new();
        assert_eq!(harness.breaker.state(), BreakerState::HalfOpen);
        assert_eq!(harness.probe(true), None);
        assert!(harness.breaker.state().is_closed());
        assert_eq!(Harness::new().probe(false), Some(2));
    }

    #[test]
    fn failed_probes_open_it_for_longer_each_time() {
        let mut harness = Harness::closed_for(2);
        let pauses: Vec<_> = (0..5).map(|_| harness.probe(false).unwrap()).collect();
        assert_eq!(pauses, [2, 4, 8, 10, 10]);
        harness.probe(true);
        assert!(harness.breaker.state().is_closed());
    }

    #[test]
    fn stays_open_until_its_time_is_over() {
        let mut harness = Harness::closed_for(2);
        harness.probe(false);
        harness.wait(1);
        harness.breaker.half_open(harness.now);
        harness.breaker.on_success(harness.now);
        assert_eq!(harness.pause(), Some(1), "a late success does not close it");
        harness.breaker.on_failure(harness.now);
        assert_eq!(harness.pause(), Some(1), "a failure while open does not prolong it");
    }

    #[test]
    fn open_time_resets_after_a_healthy_period() {
        let mut harness = Harness::closed_for(0);
        assert_eq!(harness.probe(false), Some(2));
        harness.probe(true);
        harness.wait(9);
        assert_eq!(harness.probe(false), Some(4));
        harness.probe(true);
        harness.wait(10);
        assert_eq!(harness.probe(false), Some(2));
    }

    #[test]
    fn two_unanswered_calls_within_10_s_open_it() {
        let mut harness = Harness::closed_for(60);
        for wait in [0, 10, 10] {
            harness.wait(wait);
            harness.breaker.on_unanswered_call(harness.now);
            assert_eq!(harness.pause(), None);
        }
        harness.wait(9);
        harness.breaker.on_unanswered_call(harness.now);
        assert_eq!(harness.pause(), Some(2));
        harness.breaker.on_unanswered_call(harness.now);
        harness.probe(true);
        harness.breaker.on_unanswered_call(harness.now);
        assert_eq!(harness.pause(), None, "calls before it closed do not count");
    }

    #[test]
    fn reconnected_server_is_probed_at_once() {
        let mut harness = Harness::closed_for(2);
        harness.breaker.on_reconnect();
        assert!(harness.breaker.state().is_closed(), "a closed breaker stays closed");
        harness.probe(false);
        harness.probe(false);
        harness.breaker.on_reconnect();
        assert_eq!(harness.breaker.state(), BreakerState::HalfOpen);
        assert_eq!(harness.probe(false), Some(2));
    }
}
