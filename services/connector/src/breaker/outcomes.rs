//! The outcomes of the latest calls, one for each client, so that no client alone opens the breaker.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// How long an outcome counts.
pub const WINDOW: Duration = Duration::from_secs(10);
/// How many clients are remembered. Above that the one whose call is the longest ago is forgotten.
const MAX_CLIENTS: usize = 128;
/// How many clients must fail, and at least half of those that called.
const MIN_FAILED_CLIENTS: usize = 3;
/// The same for calls of a half-open breaker.
const MIN_FAILED_TRIALS: usize = 2;
/// The weight of one setup in the usual time of a setup is one in this number.
const SMOOTHING: u32 = 8;

/// Distinguishes the clients that call: the session of the caller.
pub type ClientId = u64;

/// Why a backend did not set a call up. Clients do not cause these, except [`NoReply`](Self::NoReply).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupFailure {
    /// Janus refused a handle, with this error.
    Attach(i64),
    /// Janus or its plugin refused to register a name that only this connector uses.
    Register(i64),
    /// Janus refused the call for another reason than its session description.
    Offer(i64),
    /// Janus found no candidates of its own: its media ports are used up.
    Ice,
    NoReply,
}

impl SetupFailure {
    /// Every kind, by its [`name`](Self::name).
    pub const NAMES: [&str; 5] = ["attach", "register", "offer", "ice", "no_reply"];

    /// The label in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attach(_) => "attach",
            Self::Register(_) => "register",
            Self::Offer(_) => "offer",
            Self::Ice => "ice",
            Self::NoReply => "no_reply",
        }
    }
}

impl fmt::Display for SetupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attach(code) => write!(f, "Janus refused a handle (error {code})"),
            Self::Register(code) => write!(f, "its plugin refused to register a name (error {code})"),
            Self::Offer(code) => write!(f, "Janus refused an offer (error {code})"),
            Self::Ice => f.write_str("ICE gathering error, its media ports may be used up"),
            Self::NoReply => f.write_str("Janus did not answer a request"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Outcomes {
    /// The last outcome of each client, the oldest first.
    latest: VecDeque<Outcome>,
    usual_setup: Option<Duration>,
}

#[derive(Debug)]
struct Outcome {
    at: Instant,
    client: ClientId,
    failure: Option<SetupFailure>,
}

/// How many clients called within the window, and for how many of them the last call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub clients: usize,
    pub failed: usize,
}

impl Counts {
    /// Whether the backend fails for several clients, and for at least half of them.
    pub fn is_failing(self) -> bool {
        self.failed >= MIN_FAILED_CLIENTS && 2 * self.failed >= self.clients
    }

    /// Whether the calls of a half-open breaker show that it must open again.
    pub fn trials_fail(self) -> bool {
        self.failed >= MIN_FAILED_TRIALS && 2 * self.failed >= self.clients
    }

    /// How many of a hundred clients fail. A single client counts as one of several.
    pub fn failed_percent(self) -> u8 {
        (100 * self.failed / self.clients.max(MIN_FAILED_CLIENTS)) as u8
    }
}

impl Outcomes {
    pub fn record(&mut self, client: ClientId, result: Result<Duration, SetupFailure>, now: Instant) {
        self.latest.retain(|outcome| outcome.client != client && now - outcome.at < WINDOW);
        if self.latest.len() >= MAX_CLIENTS {
            self.latest.pop_front();
        }
        self.latest.push_back(Outcome { at: now, client, failure: result.err() });
        if let Ok(time) = result {
            let usual = self.usual_setup.unwrap_or(time);
            self.usual_setup = Some((usual * (SMOOTHING - 1) + time) / SMOOTHING);
        }
    }

    /// Counts the outcomes that are not too old.
    pub fn count(&self, now: Instant) -> Counts {
        let recent = || self.latest.iter().filter(|outcome| now - outcome.at < WINDOW);
        let failed = recent().filter(|outcome| outcome.failure.is_some()).count();
        Counts { clients: recent().count(), failed }
    }

    /// How many clients failed, and why the last one did.
    pub fn describe(&self, now: Instant) -> String {
        let Counts { clients, failed } = self.count(now);
        let last = self.latest.iter().rev().find_map(|outcome| outcome.failure);
        let last = last.map(|failure| format!(", the last one: {failure}")).unwrap_or_default();
        format!("calls of {failed} of {clients} clients failed{last}")
    }

    /// The usual time of a setup that succeeds.
    pub fn usual_setup(&self) -> Option<Duration> {
        self.usual_setup
    }

    /// Forgets all clients.
    pub fn clear(&mut self) {
        self.latest.clear();
    }
}
