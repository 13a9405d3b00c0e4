//! Backends: what our connectors announce, and what others have written down.

use common::BackendName;

/// A Janus server, in janus-cloud's fields (`januscloud:backend_servers:NAME`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its name.
    pub name: BackendName,
    /// Its websocket URL.
    pub url: String,
    /// Whether it takes calls.
    pub status: BackendStatus,
    /// Its plugin handles, as last counted.
    pub handles: u64,
    /// Where it stands, as an operator calls the place; empty for nowhere in particular.
    pub location: String,
    /// Whose network it is in; empty for nobody's in particular.
    pub isp: String,
    /// How long its plugin took to answer when it was last asked, in milliseconds; none where nobody knows.
    pub probe_ms: Option<u64>,
}

impl Backend {
    /// As announced for somebody else's record, with that record.
    pub(crate) fn merged_with_record(self, theirs: Option<DiscoveredBackend>) -> Self {
        match theirs.filter(|theirs| theirs.url == self.url) {
            None => Self { status: BackendStatus::Abnormal, ..self },
            Some(DiscoveredBackend { status, location, isp, .. }) => {
                Self { status: self.status.worse(status), location, isp, ..self }
            }
        }
    }

    /// As others see it, whatever its connector announces.
    pub(crate) fn with_drain(self, drained: bool) -> Self {
        match self.status {
            BackendStatus::Normal if drained => Self { status: BackendStatus::Maintenance, ..self },
            _ => self,
        }
    }
}

/// janus-cloud's status numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendStatus {
    /// 0: takes calls.
    Normal,
    /// 1: cannot be reached or does not work.
    Abnormal,
    /// 2: an operator wants no new calls on it.
    Maintenance,
    /// 3: too busy for more.
    HighWater,
}

impl BackendStatus {
    /// As janus-cloud numbers it.
    pub fn number(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::Abnormal => 1,
            Self::Maintenance => 2,
            Self::HighWater => 3,
        }
    }

    /// Of two that are said of one backend, the one that counts.
    pub fn worse(self, other: Self) -> Self {
        let badness = |status| match status {
            Self::Normal => 0,
            Self::HighWater => 1,
            Self::Maintenance => 2,
            Self::Abnormal => 3,
        };
        if badness(other) > badness(self) { other } else { self }
    }

    /// From janus-cloud's number; an unknown one takes no calls.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Normal,
            2 => Self::Maintenance,
            3 => Self::HighWater,
            _ => Self::Abnormal,
        }
    }
}

/// A backend that no connector of ours has written down: a sentinel, an operator or another proxy has.
/// The twelve fields of janus-cloud's record (janus-api.md 7.5).
#[derive(Clone, Debug, PartialEq)]
pub struct DiscoveredBackend {
    /// Its name.
    pub name: BackendName,
    /// Its websocket URL.
    pub url: String,
    /// Whether it takes calls.
    pub status: BackendStatus,
    /// Seconds; 0 for unknown.
    pub session_timeout: u64,
    /// Where it stands.
    pub location: String,
    /// Whose network it is in.
    pub isp: String,
    /// Its Janus sessions, as last counted.
    pub session_num: u64,
    /// Its plugin handles, as last counted.
    pub handle_num: u64,
    /// Seconds after `utime` for which the record counts; 0 for ever.
    pub expire: u64,
    /// When its Janus started, unix seconds; 0 for unknown.
    pub start_time: f64,
    /// When it was last written, unix seconds.
    pub utime: f64,
    /// When it was first written, unix seconds.
    pub ctime: f64,
}

/// What somebody says of a backend. What is none stays as it was said before, or gets janus-cloud's
/// default: 60 for `expire`, else 0 and empty.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendRegistration {
    /// Its name.
    pub name: BackendName,
    /// Its websocket URL.
    pub url: String,
    /// Whether it takes calls.
    pub status: BackendStatus,
    /// Seconds.
    pub session_timeout: Option<u64>,
    /// Where it stands.
    pub location: Option<String>,
    /// Whose network it is in.
    pub isp: Option<String>,
    /// Its Janus sessions.
    pub session_num: Option<u64>,
    /// Its plugin handles.
    pub handle_num: Option<u64>,
    /// Seconds for which this counts; 0 for ever.
    pub expire: Option<u64>,
    /// When its Janus started, unix seconds.
    pub start_time: Option<f64>,
}

impl BackendRegistration {
    /// With the three fields that must be there.
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
