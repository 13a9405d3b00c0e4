//! A circuit breaker: decides whether a backend gets new calls, from the outcomes of probes and calls. It
//! has no clock of its own.
//!
//! *Closed*: the backend gets calls. *Open*: it gets none, for some time. *Half-open*: it gets a few calls at
//! a time, and their outcomes decide. The breaker opens when a probe fails, or when calls of several clients
//! fail (see [`outcomes`]). After a probe has succeeded it is half-open. It closes after
//! [`TRIALS_TO_CLOSE`] calls, or [`HALF_OPEN_TIME`] without a failed one.
//!
//! Each time it stays open twice as long, up to [`MAX_PROBE_OPEN_TIME`] or [`MAX_CALLS_OPEN_TIME`]. After it
//! was closed as long as that, it starts again with the shortest time.

pub mod outcomes;
#[cfg(test)]
mod tests;

use outcomes::{ClientId, Outcomes, SetupFailure};
use std::time::Duration;
use tokio::time::Instant;

const MIN_OPEN_TIME: Duration = Duration::from_secs(2);
/// How long a failed probe opens it at most. The next probe costs no call.
const MAX_PROBE_OPEN_TIME: Duration = Duration::from_secs(10);
/// How long failed calls open it at most. What comes next are calls of clients.
const MAX_CALLS_OPEN_TIME: Duration = Duration::from_secs(60);
/// How many calls may be in setup at a time while it is half-open.
pub const MAX_TRIALS: usize = 3;
/// How many successful calls close a half-open breaker.
const TRIALS_TO_CLOSE: u32 = 3;
/// How long it is half-open if there are no calls.
const HALF_OPEN_TIME: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Breaker {
    state: State,
    /// How long it will be open the next time.
    open_time: Duration,
    /// It has opened since it was last closed, or the connection was lost.
    has_failed: bool,
    /// Why it opened last.
    reason: String,
    pub outcomes: Outcomes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No calls until the first probe of a connection succeeds.
    Unprobed,
    /// New calls are allowed, since this time.
    Closed(Instant),
    /// [`MAX_TRIALS`] new calls at a time are allowed, since `since`.
    HalfOpen { since: Instant, successes: u32 },
    /// No new calls until `until` and a successful probe after that.
    Open { until: Instant, opened_by: OpenedBy },
}

/// What opened a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedBy {
    Probe,
    /// Failed calls. Clients may have provoked them, so routers do not exclude too many such backends.
    Calls,
}

impl OpenedBy {
    fn max_open_time(self) -> Duration {
        match self {
            Self::Probe => MAX_PROBE_OPEN_TIME,
            Self::Calls => MAX_CALLS_OPEN_TIME,
        }
    }
}

impl State {
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// Whether the probe of this connection has succeeded and no later one has failed.
    pub fn is_probed(self) -> bool {
        match self {
            Self::Closed(_) | Self::HalfOpen { .. } => true,
            Self::Open { opened_by, .. } => opened_by == OpenedBy::Calls,
            Self::Unprobed => false,
        }
    }

    /// The value of the metric `switchboard_connector_breaker`.
    pub fn as_metric(self) -> u8 {
        match self {
            Self::Closed(_) => 0,
            Self::Unprobed | Self::HalfOpen { .. } => 1,
            Self::Open { .. } => 2,
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Unprobed,
            open_time: MIN_OPEN_TIME,
            has_failed: false,
            reason: String::new(),
            outcomes: Outcomes::default(),
        }
    }
}

impl Breaker {
    pub fn state(&self) -> State {
        self.state
    }

    /// Why it is open or half-open; empty while it is closed.
    pub fn reason(&self) -> &str {
        if self.state.is_closed() { "" } else { &self.reason }
    }

    /// A probe succeeded. A breaker whose time is not over stays open.
    pub fn on_probe_success(&mut self, now: Instant) {
        match self.state {
            State::Unprobed if !self.has_failed => self.close(now),
            State::Unprobed => self.half_open(now),
            State::Open { until, .. } if until <= now => self.half_open(now),
            State::HalfOpen { since, .. } if now - since >= HALF_OPEN_TIME => {
                if self.outcomes.count(now).failed == 0 {
                    self.close(now);
                }
            }
            State::Open { .. } | State::HalfOpen { .. } | State::Closed(_) => {}
        }
    }

    /// A probe failed for this reason.
    pub fn on_probe_failure(&mut self, reason: &str, now: Instant) {
        match self.state {
            State::Open { until, opened_by: OpenedBy::Probe } if now < until => {}
            _ => self.open(OpenedBy::Probe, reason.to_owned(), now),
        }
    }

    /// A call of this client can ring, after this time; or its setup failed because of the backend.
    pub fn on_setup(&mut self, client: ClientId, result: Result<Duration, SetupFailure>, now: Instant) {
        self.outcomes.record(client, result, now);
        let counts = self.outcomes.count(now);
        match &mut self.state {
            State::Closed(_) if counts.is_failing() => {
                let reason = self.outcomes.describe(now);
                self.open(OpenedBy::Calls, reason, now);
            }
            State::HalfOpen { .. } if counts.trials_fail() => {
                let reason = self.outcomes.describe(now);
                self.open(OpenedBy::Calls, reason, now);
            }
            State::HalfOpen { successes, .. } if result.is_ok() => {
                *successes += 1;
                if *successes >= TRIALS_TO_CLOSE {
                    self.close(now);
                }
            }
            State::Closed(_) | State::HalfOpen { .. } | State::Open { .. } | State::Unprobed => {}
        }
    }

    /// The link for calls is lost for this reason: what comes back has to prove itself.
    pub fn on_link_lost(&mut self, reason: &str, now: Instant) {
        self.has_failed = true;
        if self.state.is_closed() {
            reason.clone_into(&mut self.reason);
            self.half_open(now);
        }
    }

    /// The probe has connected again. Janus may have been restarted, so the next probe decides at once.
    pub fn on_reconnect(&mut self) {
        if let State::Open { .. } = self.state {
            self.state = State::Unprobed;
            self.open_time = MIN_OPEN_TIME;
        }
    }

    fn close(&mut self, now: Instant) {
        self.state = State::Closed(now);
        self.has_failed = false;
    }

    fn half_open(&mut self, now: Instant) {
        self.state = State::HalfOpen { since: now, successes: 0 };
        self.outcomes.clear();
    }

    fn open(&mut self, opened_by: OpenedBy, reason: String, now: Instant) {
        if let State::Closed(since) = self.state
            && now - since >= self.open_time.max(MAX_PROBE_OPEN_TIME)
        {
            self.open_time = MIN_OPEN_TIME;
        }
        let open_time = self.open_time.min(opened_by.max_open_time());
        self.state = State::Open { until: now + open_time, opened_by };
        self.open_time = (open_time * 2).min(opened_by.max_open_time());
        self.has_failed = true;
        self.reason = reason;
    }
}
