//! Errors, counted by kind.

use crate::failed::CallError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Reasons come from the server, so there could be any number of kinds; what comes after these is `other`.
const MAX_KINDS: usize = 50;

/// How often what went wrong.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct ErrorCounts(BTreeMap<String, u64>);

impl ErrorCounts {
    /// Counts one.
    pub fn add(&mut self, failed: &CallError) {
        let mut kind = failed.to_string();
        if self.0.len() >= MAX_KINDS && !self.0.contains_key(&kind) {
            kind = "other".to_owned();
        }
        *self.0.entry(kind).or_default() += 1;
    }
}

/// `no errors`, or `errors: call 478 (3), connection lost (1)`.
impl fmt::Display for ErrorCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = self.0.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
        match kinds.is_empty() {
            true => f.write_str("no errors"),
            // A server's words are not to give orders to a terminal.
            false => write!(f, "errors: {}", kinds.join(", ").replace(char::is_control, " ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Request;

    #[test]
    fn errors_are_counted_by_kind() {
        let mut errors = ErrorCounts::default();
        assert_eq!(errors.to_string(), "no errors");
        for failed in
            [CallError::Refused(Request::Call, 478), CallError::Lost, CallError::Refused(Request::Call, 478)]
        {
            errors.add(&failed);
        }
        assert_eq!(errors.to_string(), "errors: call 478 (2), connection lost (1)");
        assert_eq!(serde_json::to_string(&errors).unwrap(), r#"{"call 478":2,"connection lost":1}"#);
    }

    #[test]
    fn a_server_cannot_make_kinds_without_end() {
        let mut errors = ErrorCounts::default();
        (0..1_000).for_each(|reason| errors.add(&CallError::EndedEarly(reason.to_string())));
        assert_eq!(errors.0.len(), MAX_KINDS + 1);
        assert_eq!(errors.0["other"], 1_000 - MAX_KINDS as u64);
    }
}
