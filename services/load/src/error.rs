//! Errors of a run, and errors of single clients and calls, which a run counts.

use crate::messages::Request;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io;

/// More kinds than these are counted as `other`: a kind can contain a reason of the server, so there is no bound.
const MAX_KINDS: usize = 50;

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No pair could register.
    #[error("no client could register at {url}: {failed}")]
    NoPairRegistered {
        /// The first address.
        url: String,
        /// The error of one pair.
        failed: CallError,
    },
    /// No idle client could register.
    #[error("no client could register at {url}; {why}")]
    NoClientRegistered {
        /// The first address.
        url: String,
        /// The errors of the clients, counted.
        why: String,
    },
    /// The limit of open files is too low.
    #[error(
        "{clients} clients need {needed} open files, and this process may have {allowed}: raise the limit, for instance with `ulimit -n {needed}`"
    )]
    Files {
        /// Clients of the run.
        clients: usize,
        /// Files that they need.
        needed: u64,
        /// The limit, raised as high as the system allows.
        allowed: u64,
    },
    /// There are no random numbers for the clients' names.
    #[error("failed to get random numbers from the system: {0}")]
    Random(#[from] getrandom::Error),
    /// The result cannot be printed.
    #[error("failed to write the output: {0}")]
    Output(#[source] io::Error),
}

/// An error of one client or call. Its text is the kind that it is counted as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The websocket could not be opened.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// The websocket broke.
    #[error("connection lost")]
    Lost,
    /// The server ended the session after its timeout.
    #[error("session timed out")]
    TimedOut,
    /// The expected reply or event did not arrive in time.
    #[error("no answer to {0}")]
    NoAnswer(Request),
    /// The server refused a request with this code.
    #[error("{0} {1}")]
    Refused(Request, u16),
    /// The callee is in another call, as the server reports.
    #[error("callee busy")]
    Busy,
    /// The server ended a call that neither side hung up, for this reason.
    #[error("call ended early: {0}")]
    EndedEarly(String),
    /// A call was due by the rate, and all pairs were in a call.
    #[error("no pair was free")]
    NoPairFree,
}

impl CallError {
    /// Whether this websocket or session cannot be used any more.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::NoConnection(_) | Self::Lost | Self::TimedOut => true,
            // No such session, no such handle.
            Self::Refused(_, code) => matches!(code, 458 | 459),
            _ => false,
        }
    }
}

/// Errors, counted by kind.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct ErrorCounts(BTreeMap<String, u64>);

impl ErrorCounts {
    pub fn add(&mut self, error: &CallError) {
        let mut kind = error.to_string();
        if self.0.len() >= MAX_KINDS && !self.0.contains_key(&kind) {
            kind = "other".to_owned();
        }
        *self.0.entry(kind).or_default() += 1;
    }
}

/// `no errors`, or `errors: call 478 (3), connection lost (1)`.
impl fmt::Display for ErrorCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no errors");
        }
        let kinds: Vec<String> = self.0.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
        // A server's text must not control the terminal.
        write!(f, "errors: {}", kinds.join(", ").replace(char::is_control, " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_kind() {
        let mut counts = ErrorCounts::default();
        assert_eq!(counts.to_string(), "no errors");
        for error in
            [CallError::Refused(Request::Call, 478), CallError::Lost, CallError::Refused(Request::Call, 478)]
        {
            counts.add(&error);
        }
        assert_eq!(counts.to_string(), "errors: call 478 (2), connection lost (1)");
        assert_eq!(serde_json::to_string(&counts).unwrap(), r#"{"call 478":2,"connection lost":1}"#);
    }

    #[test]
    fn number_of_kinds_is_bounded() {
        let mut counts = ErrorCounts::default();
        (0..1_000).for_each(|reason| counts.add(&CallError::EndedEarly(reason.to_string())));
        assert_eq!(counts.0.len(), MAX_KINDS + 1);
        assert_eq!(counts.0["other"], 1_000 - MAX_KINDS as u64);
    }
}
