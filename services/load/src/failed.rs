//! Why something did not succeed, in the words that it is counted under.

use crate::words::Request;

/// The kinds of errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no websocket, for this reason.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// The websocket broke.
    #[error("connection lost")]
    Lost,
    /// The server ended the session because it heard nothing of it.
    #[error("session timed out")]
    TimedOut,
    /// What was to follow from a request did not, for too long.
    #[error("no answer to {0}")]
    NoAnswer(Request),
    /// The server refused a request, with this code.
    #[error("{0} {1}")]
    Refused(Request, u16),
    /// The callee is said to be in another call.
    #[error("callee busy")]
    Busy,
    /// The server ended a call that nobody hung up, for this reason.
    #[error("call ended early: {0}")]
    EndedEarly(String),
    /// At the given rate a call was due, and all pairs were in one.
    #[error("no pair was free")]
    NoPairFree,
}

impl CallError {
    /// Whether nothing more can be asked on this websocket and in this session.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::NoConnection(_) | Self::Lost | Self::TimedOut => true,
            // No such session, no such handle.
            Self::Refused(_, code) => matches!(code, 458 | 459),
            _ => false,
        }
    }
}
