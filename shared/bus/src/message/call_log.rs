//! The records of the log `calls`: what happened to a call, how long each step took, and why it ended.

use common::text::truncate;
use common::{BackendName, CallId};
use protocol::hangup::HangupCause;
use serde::{Deserialize, Serialize};

/// A record of the log `calls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The id of the call.
    pub call: CallId,
    /// What happened to the call.
    pub event: CallEvent,
    /// The caller's name.
    pub caller: String,
    /// The callee's name.
    pub callee: String,
    /// The backend it is on.
    pub backend: BackendName,
    /// Why the call ended, as one of a few constants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EndKind>,
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

impl CallRecord {
    /// The longest name or reason in a record, in bytes.
    const MAX_TEXT: usize = 255;

    /// Cuts the texts that clients and media servers chose, so that the size of a record is bounded.
    #[must_use]
    pub fn with_short_texts(self) -> Self {
        let short = |text: String| truncate(&text, Self::MAX_TEXT).to_owned();
        let (caller, callee) = (short(self.caller), short(self.callee));
        Self { caller, callee, reason: self.reason.map(short), ..self }
    }
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

/// The duration of each step, in microseconds; `None` for a step that is unknown or was not taken. The clocks of
/// two hosts may differ: a negative duration becomes 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDurations {
    /// From the request at the edge until a router took it from its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_us: Option<u64>,
    /// Until the router had queried the directory and posted the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_us: Option<u64>,
    /// Until a connector took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_us: Option<u64>,
    /// Until both sides had a registered handle on Janus and the offer was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attach_us: Option<u64>,
    /// Until Janus rang and both sides were notified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_us: Option<u64>,
    /// From the callee's `accept` at the connector until the caller was notified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_us: Option<u64>,
}

impl StepDurations {
    /// Each step with its name in metrics and in `trace`.
    pub fn named(&self) -> [(&'static str, Option<u64>); 6] {
        [
            ("queue", self.queue_us),
            ("directory", self.directory_us),
            ("place", self.place_us),
            ("attach", self.attach_us),
            ("ring", self.ring_us),
            ("answer", self.answer_us),
        ]
    }

    /// From the request until ringing; `None` when one of these steps is unknown.
    pub fn setup_us(&self) -> Option<u64> {
        let [queue, directory, place, attach, ring, _] = self.named().map(|(_, step)| step);
        [queue, directory, place, attach, ring]
            .into_iter()
            .try_fold(0_u64, |sum, step| Some(sum.saturating_add(step?)))
    }
}

/// Why a call ended, as one of a few constants for metrics and statistics. The reason of a [`CallRecord`] may be any text.
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
    /// An event of the call could not reach its client.
    Undeliverable,
    /// An operator ended the call, or a router that could not set it up.
    Operator,
}

impl EndKind {
    /// All kinds, for metrics that begin at 0.
    pub const ALL: [Self; 8] = [
        Self::Hangup,
        Self::NoAnswer,
        Self::ClientGone,
        Self::ConnectionLost,
        Self::MediaServer,
        Self::Refused,
        Self::Undeliverable,
        Self::Operator,
    ];

    /// The label in metrics, and the text in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hangup => "hangup",
            Self::NoAnswer => "no_answer",
            Self::ClientGone => "client_gone",
            Self::ConnectionLost => "connection_lost",
            Self::MediaServer => "media_server",
            Self::Refused => "refused",
            Self::Undeliverable => "undeliverable",
            Self::Operator => "operator",
        }
    }
}

impl From<&HangupCause> for EndKind {
    fn from(cause: &HangupCause) -> Self {
        match cause {
            HangupCause::Hangup { .. } | HangupCause::CoreHangup(_) | HangupCause::RemoteHangup(..) => {
                Self::Hangup
            }
            HangupCause::PeerConnection(..) => Self::ConnectionLost,
            HangupCause::ClientGone(_) => Self::ClientGone,
            HangupCause::NoAnswer => Self::NoAnswer,
            HangupCause::MediaServer(_) => Self::MediaServer,
            HangupCause::Undeliverable(_) => Self::Undeliverable,
            HangupCause::Operator(_) => Self::Operator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_is_the_sum_of_its_steps() {
        let steps = StepDurations {
            queue_us: Some(1),
            directory_us: Some(2),
            place_us: Some(3),
            attach_us: Some(4),
            ring_us: Some(5),
            answer_us: None,
        };
        assert_eq!(steps.setup_us(), Some(15));
        assert_eq!(StepDurations { attach_us: None, ..steps }.setup_us(), None);
        assert_eq!(StepDurations { answer_us: Some(9), ..steps }.setup_us(), Some(15));
    }
}
