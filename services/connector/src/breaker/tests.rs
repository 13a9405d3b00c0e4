//! The breaker with time as an input.

use super::*;

const FAILED: Result<Duration, SetupFailure> = Err(SetupFailure::Ice);
const RANG: Result<Duration, SetupFailure> = Ok(Duration::from_millis(4));

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
        harness.breaker.on_probe_success(harness.now);
        harness.wait(seconds);
        harness
    }

    /// A breaker that calls have opened, and whose time is over.
    fn half_open() -> Self {
        let mut harness = Self::closed_for(60);
        harness.calls(1..4, FAILED);
        assert_eq!(harness.probe(true), None);
        assert!(matches!(harness.breaker.state(), State::HalfOpen { .. }));
        harness
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Each of these clients makes a call.
    fn calls(&mut self, clients: impl IntoIterator<Item = ClientId>, result: Result<Duration, SetupFailure>) {
        clients.into_iter().for_each(|client| self.breaker.on_setup(client, result, self.now));
    }

    /// Seconds until it may be half-open.
    fn pause(&self) -> Option<u64> {
        match self.breaker.state() {
            State::Open { until, .. } => Some((until - self.now).as_secs()),
            State::Closed(_) | State::HalfOpen { .. } | State::Unprobed => None,
        }
    }

    fn is_closed(&self) -> bool {
        self.breaker.state().is_closed()
    }

    /// Probes once the pause is over. Returns the pause that follows.
    fn probe(&mut self, succeeds: bool) -> Option<u64> {
        self.wait(self.pause().unwrap_or_default());
        if succeeds {
            self.breaker.on_probe_success(self.now);
        } else {
            self.breaker.on_probe_failure("it is frozen", self.now);
        }
        self.pause()
    }
}

#[test]
fn first_probe_decides() {
    let mut harness = Harness::new();
    assert_eq!(harness.breaker.state(), State::Unprobed);
    assert_eq!(harness.probe(true), None);
    assert!(harness.is_closed());
    assert_eq!(Harness::new().probe(false), Some(2));
}

#[test]
fn failed_probes_open_it_for_longer_each_time() {
    let mut harness = Harness::closed_for(2);
    let pauses: Vec<_> = (0..5).map(|_| harness.probe(false).unwrap()).collect();
    assert_eq!(pauses, [2, 4, 8, 10, 10]);
    assert_eq!(harness.breaker.reason(), "it is frozen");
}

#[test]
fn stays_open_until_its_time_is_over() {
    let mut harness = Harness::closed_for(2);
    harness.probe(false);
    harness.wait(1);
    harness.breaker.on_probe_success(harness.now);
    assert_eq!(harness.pause(), Some(1), "a late success does not close it");
    harness.breaker.on_probe_failure("again", harness.now);
    assert_eq!(harness.pause(), Some(1), "a failure while open does not prolong it");
}

#[test]
fn open_time_resets_after_a_healthy_period() {
    let mut harness = Harness::closed_for(0);
    assert_eq!(harness.probe(false), Some(2));
    harness.probe(true);
    harness.calls(1..4, RANG);
    harness.wait(9);
    assert_eq!(harness.probe(false), Some(4));
    harness.probe(true);
    harness.calls(1..4, RANG);
    harness.wait(10);
    assert_eq!(harness.probe(false), Some(2));
}

#[test]
fn calls_of_three_clients_open_it() {
    let mut harness = Harness::closed_for(60);
    harness.calls([1, 2], FAILED);
    assert!(harness.is_closed());
    harness.calls([3], Err(SetupFailure::Attach(461)));
    assert_eq!(harness.pause(), Some(2));
    assert!(harness.breaker.state().is_probed());
    let reason = "calls of 3 of 3 clients failed, the last one: Janus refused a handle (error 461)";
    assert_eq!(harness.breaker.reason(), reason);
}

#[test]
fn one_client_never_opens_it() {
    let mut harness = Harness::closed_for(60);
    for _ in 0..1_000 {
        harness.calls([1], FAILED);
        harness.wait(1);
    }
    assert!(harness.is_closed());
    assert_eq!(harness.breaker.outcomes.count(harness.now), outcomes::Counts { clients: 1, failed: 1 });
}

#[test]
fn few_failing_clients_among_many_do_not_open_it() {
    let mut harness = Harness::closed_for(60);
    harness.calls(0..9, RANG);
    for _ in 0..20 {
        harness.calls(100..108, FAILED);
    }
    assert!(harness.is_closed());
    harness.calls([108], FAILED);
    assert!(!harness.is_closed(), "half of them");
}

#[test]
fn failures_long_ago_do_not_count() {
    let mut harness = Harness::closed_for(60);
    for client in 0..50 {
        harness.calls([client], FAILED);
        harness.wait(5);
    }
    assert!(harness.is_closed());
}

#[test]
fn failed_calls_open_it_for_longer_than_probes() {
    let mut harness = Harness::closed_for(60);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        harness.calls(1..4, FAILED);
        pauses.push(harness.pause().unwrap());
        harness.probe(true);
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn three_successful_trials_close_it() {
    let mut harness = Harness::half_open();
    harness.calls([1, 1], RANG);
    assert!(!harness.is_closed());
    harness.calls([2], RANG);
    assert!(harness.is_closed());
    assert_eq!(harness.breaker.reason(), "");
}

#[test]
fn failed_trials_of_two_clients_open_it_again() {
    let mut harness = Harness::half_open();
    for _ in 0..10 {
        harness.calls([1], FAILED);
    }
    assert_eq!(harness.pause(), None, "one client may have provoked its failures");
    harness.calls([2], FAILED);
    assert_eq!(harness.pause(), Some(4));
}

#[test]
fn half_open_breaker_without_calls_closes_in_the_end() {
    let mut harness = Harness::half_open();
    harness.wait(29);
    harness.probe(true);
    assert!(!harness.is_closed());
    harness.calls([1], FAILED);
    harness.wait(1);
    harness.probe(true);
    assert!(!harness.is_closed(), "a call failed meanwhile");
    harness.wait(10);
    harness.probe(true);
    assert!(harness.is_closed());
}

#[test]
fn failed_probe_outweighs_calls() {
    let mut harness = Harness::closed_for(60);
    harness.calls(1..4, FAILED);
    harness.breaker.on_probe_failure("it is frozen", harness.now);
    assert!(!harness.breaker.state().is_probed());
    let mut trials = Harness::half_open();
    trials.probe(false);
    assert!(!trials.breaker.state().is_probed());
}

#[test]
fn lost_link_makes_it_half_open() {
    let mut harness = Harness::closed_for(60);
    harness.breaker.on_link_lost("Janus closed the connection", harness.now);
    assert!(matches!(harness.breaker.state(), State::HalfOpen { .. }));
    assert_eq!(harness.breaker.reason(), "Janus closed the connection");
}

#[test]
fn reconnected_server_is_probed_at_once() {
    let mut harness = Harness::closed_for(2);
    harness.breaker.on_reconnect();
    assert!(harness.is_closed(), "a closed breaker stays closed");
    harness.probe(false);
    harness.probe(false);
    harness.breaker.on_reconnect();
    assert_eq!(harness.breaker.state(), State::Unprobed);
    assert_eq!(harness.probe(false), Some(2));
    harness.breaker.on_reconnect();
    harness.probe(true);
    assert!(matches!(harness.breaker.state(), State::HalfOpen { .. }), "after trouble");
}

#[test]
fn memory_is_bounded() {
    let mut harness = Harness::closed_for(60);
    harness.calls(0..100_000, RANG);
    assert!(harness.breaker.outcomes.count(harness.now).clients <= 128);
}

#[test]
fn usual_setup_follows_the_setups() {
    let mut harness = Harness::closed_for(60);
    harness.calls(0..10, RANG);
    assert_eq!(harness.breaker.outcomes.usual_setup(), Some(Duration::from_millis(4)));
    harness.calls(0..30, Ok(Duration::from_millis(100)));
    assert!(harness.breaker.outcomes.usual_setup() > Some(Duration::from_millis(90)));
}
