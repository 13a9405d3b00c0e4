//! The records of the log `calls`.

use super::StepDurations;
use common::{BackendName, CallId};
use serde::{Deserialize, Serialize};

/// A record of the log `calls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The id of the call.
    pub call: CallId,
    /// The event that is recorded.
    pub event: CallEvent,
    /// The caller's name.
    pub caller: String,
    /// The callee's name.
    pub callee: String,
    /// The backend it is on.
    pub backend: BackendName,
    /// Why the call ended, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Milliseconds from ringing to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The durations of the steps of the call: with `ringing` those of the setup, with `answered` that of the answer.
    #[serde(flatten)]
    pub steps: StepDurations,
}

/// An event of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallEvent {
    /// Both sides were notified.
    Ringing,
    /// The callee accepted.
    Answered,
    /// The call is over.
    Ended,
}

/// Why a call ended, as one of few constants for metrics. A reason may be any text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// A client hung up, or declined.
    Hangup,
    /// The callee did not accept in time.
    NoAnswer,
    /// A client's handle was detached, timed out, or was not claimed in time.
    ClientGone,
    /// A client lost its PeerConnection.
    ConnectionLost,
    /// The media server is down, does not reply, or was lost with its connector.
    MediaServer,
    /// The media server, or a janus-cloud proxy, refused the call.
    Refused,
    /// An operator ended the call, or a router that could not set it up.
    Operator,
}

impl EndKind {
    /// All kinds, for metrics that begin at 0.
    pub const ALL: [Self; 7] = [
        Self::Hangup,
        Self::NoAnswer,
        Self::ClientGone,
        Self::ConnectionLost,
        Self::MediaServer,
        Self::Refused,
        Self::Operator,
    ];

    /// The label in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hangup => "hangup",
            Self::NoAnswer => "no_answer",
            Self::ClientGone => "client_gone",
            Self::ConnectionLost => "connection_lost",
            Self::MediaServer => "media_server",
            Self::Refused => "refused",
            Self::Operator => "operator",
        }
    }
}
