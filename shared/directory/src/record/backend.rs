//! Backends: announced by our connectors, or discovered in records that others wrote.

use common::BackendName;
use serde::{Deserialize, Serialize};

/// A Janus server, in janus-cloud's fields (`januscloud:backend_servers:NAME`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The name in `--backend`, or the one it was registered under.
    pub name: BackendName,
    /// The websocket URL.
    pub url: String,
    /// Whether it accepts calls.
    pub status: BackendStatus,
    /// Its plugin handles, at the last count.
    pub handles: u64,
    /// The operator's name for its location; empty for none.
    pub location: String,
    /// The network provider; empty for none.
    pub isp: String,
    /// The response time of its plugin to the last probe, in milliseconds; `None` where unknown.
    pub probe_ms: Option<u64>,
    /// How its connector fares with calls on it.
    pub health: BackendHealth,
}

/// What a connector reports of the calls that it sets up on a backend. Stored as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackendHealth {
    /// The state of the circuit breaker.
    pub breaker: BreakerState,
    /// Why the backend is not `Normal` or the breaker is not closed, in the connector's words; empty otherwise.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// How many of a hundred clients were not served at their last call, recently.
    pub failed_percent: u8,
    /// The usual time from a call's first request to Janus until it can ring, in milliseconds; 0 where unknown.
    pub setup_ms: u64,
}

impl BackendHealth {
    /// The longest reason that is read.
    const MAX_REASON: usize = 200;

    /// Returns the stored form.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the stored form. Anything else is the default: a connector of another version may have written it.
    pub(crate) fn from_json(text: Option<&str>) -> Self {
        let mut health: Self = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        health.failed_percent = health.failed_percent.min(100);
        if let Some((end, _)) = health.reason.char_indices().nth(Self::MAX_REASON) {
            health.reason.truncate(end);
        }
        health
    }
}

/// The state of a backend's circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Calls are placed on the backend.
    #[default]
    Closed,
    /// A few calls at a time are placed on it, to find out whether it works again.
    HalfOpen,
    /// No calls are placed on it. While its status is `Normal`, calls of several clients have opened the breaker, and
    /// no probe: then routers choose it if more than half of the backends are in this state.
    Open,
}

impl Backend {
    /// Merges the announcement of a connector with the discovered record that it serves.
    pub(crate) fn merged_with_record(self, discovered: Option<DiscoveredBackend>) -> Self {
        match discovered.filter(|discovered| discovered.url == self.url) {
            None => Self { status: BackendStatus::Abnormal, ..self },
            Some(DiscoveredBackend { status, location, isp, .. }) => {
                Self { status: self.status.worse(status), location, isp, ..self }
            }
        }
    }

    /// Applies the operators' drain to the announced status.
    pub(crate) fn with_drain(self, drained: bool) -> Self {
        match self.status {
            BackendStatus::Normal if drained => Self { status: BackendStatus::Maintenance, ..self },
            _ => self,
        }
    }
}

/// The status of a backend, in janus-cloud's encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendStatus {
    /// 0: accepts calls.
    Normal,
    /// 1: unreachable or failing.
    Abnormal,
    /// 2: drained by an operator, accepts no new calls.
    Maintenance,
    /// 3: overloaded, accepts no new calls.
    HighWater,
}

impl BackendStatus {
    /// Returns janus-cloud's number.
    pub fn number(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::Abnormal => 1,
            Self::Maintenance => 2,
            Self::HighWater => 3,
        }
    }

    /// Returns the worse of two statuses of one backend.
    pub fn worse(self, other: Self) -> Self {
        let rank = |status| match status {
            Self::Normal => 0,
            Self::HighWater => 1,
            Self::Maintenance => 2,
            Self::Abnormal => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// Parses janus-cloud's number. An unknown number is `Abnormal`.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Normal,
            2 => Self::Maintenance,
            3 => Self::HighWater,
            _ => Self::Abnormal,
        }
    }
}

/// A backend that a sentinel, an operator or another proxy registered, in the twelve fields of janus-cloud's
/// record.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscoveredBackend {
    /// The name it is registered under.
    pub name: BackendName,
    /// The websocket URL.
    pub url: String,
    /// Whether it accepts calls.
    pub status: BackendStatus,
    /// The session timeout of its Janus, in seconds; 0 for unknown.
    pub session_timeout: u64,
    /// The operator's name for its location.
    pub location: String,
    /// The network provider.
    pub isp: String,
    /// Its Janus sessions, at the last count.
    pub session_num: u64,
    /// Its plugin handles, at the last count.
    pub handle_num: u64,
    /// Seconds after `utime` until the record expires; 0 for never.
    pub expire: u64,
    /// When its Janus started, in unix seconds; 0 for unknown.
    pub start_time: f64,
    /// When it was last written, in unix seconds.
    pub utime: f64,
    /// When it was first written, in unix seconds.
    pub ctime: f64,
}

/// A registration of a backend. A field that is `None` keeps the value of the previous registration, or gets
/// janus-cloud's default: 60 for `expire`, else 0 or empty.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendRegistration {
    /// The name it is registered under.
    pub name: BackendName,
    /// The websocket URL.
    pub url: String,
    /// Whether it accepts calls.
    pub status: BackendStatus,
    /// The session timeout of its Janus, in seconds.
    pub session_timeout: Option<u64>,
    /// The operator's name for its location.
    pub location: Option<String>,
    /// The network provider.
    pub isp: Option<String>,
    /// Its Janus sessions.
    pub session_num: Option<u64>,
    /// Its plugin handles.
    pub handle_num: Option<u64>,
    /// Seconds until the registration expires; 0 for never.
    pub expire: Option<u64>,
    /// When its Janus started, in unix seconds.
    pub start_time: Option<f64>,
}

impl BackendRegistration {
    /// Returns a registration with the three required fields.
    pub fn new(name: impl Into<BackendName>, url: impl Into<String>, status: BackendStatus) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            status,
            session_timeout: None,
            location: None,
            isp: None,
            session_num: None,
            handle_num: None,
            expire: None,
            start_time: None,
        }
    }
}
