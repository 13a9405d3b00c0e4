//! What is for anybody: the lines of the `calls` log, and notices.

use super::Canary;
use protocol::{BackendName, CallId};
use serde::{Deserialize, Serialize};

/// A line of the `calls` log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The call.
    pub call: CallId,
    /// `ringing`, `answered` or `ended`.
    pub event: CallEvent,
    /// The caller's name.
    pub caller: String,
    /// The callee's name.
    pub callee: String,
    /// The backend it is on.
    pub backend: BackendName,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Milliseconds from ringing to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// A step in a call's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallEvent {
    /// Both sides have been told.
    Ringing,
    /// The callee accepted.
    Answered,
    /// Over.
    Ended,
}

/// News for whoever listens; losing one is harmless, because each is also found by looking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A backend appeared, went away or changed its state.
    BackendChanged(BackendName),
    /// A name moved to another handle.
    NameDisplaced(String),
    /// Nothing but a sign that notices are heard.
    Canary(Canary),
}
