//! What is for anybody: the lines of the `calls` log, and notices.

use super::{Canary, StepDurations};
use common::{BackendName, CallId};
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
    /// How long its steps took: those until it rang when it rings, that until it was answered then.
    #[serde(flatten)]
    pub steps: StepDurations,
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

/// Why a call ended, in few words that are always the same: a reason may be anybody's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// A client hung up, or declined.
    Hangup,
    /// Nobody accepted in time.
    NoAnswer,
    /// A client's handle is gone: detached, timed out, or not claimed in time.
    ClientGone,
    /// A client lost its PeerConnection.
    ConnectionLost,
    /// The media server is gone, does not answer, or was lost with its connector.
    MediaServer,
    /// The media server, or a peer's proxy, refused the call.
    Refused,
    /// An operator ended it, or a router that could not set it up.
    Operator,
}

impl EndKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Hangup,
        Self::NoAnswer,
        Self::ClientGone,
        Self::ConnectionLost,
        Self::MediaServer,
        Self::Refused,
        Self::Operator,
    ];

    /// As numbers have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hangup => "hangup",
            Self::NoAnswer => "no_answer",
            Self::ClientGone => "client_gone",
            Self::ConnectionLost => "connection_lost",
            Self::MediaServer => "media_server",
            Self::Refused => "refused",
            Self::Operator => "ordered",
        }
    }
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
