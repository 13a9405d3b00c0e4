//! Janus' checks of a client's ICE candidates (`janus.c`, `ice.c`). Janus queues candidates unchecked until the
//! PeerConnection is ready; then each must name its media line.

use crate::error::{INVALID_ELEMENT, JanusError, MISSING_ELEMENT};
use crate::object::{FieldError, LazyObject, is_object};
use serde_json::value::RawValue;

/// The candidates of one `trickle` request.
#[derive(Debug)]
pub enum Candidates<'a> {
    /// `candidate`.
    One(&'a RawValue),
    /// `candidates`, in order.
    Many(Vec<&'a RawValue>),
    /// `candidates` with a value that is not an array.
    NotAnArray,
}

impl<'a> Candidates<'a> {
    /// Returns the candidates to forward.
    pub fn list(&self) -> &[&'a RawValue] {
        match self {
            Self::One(candidate) => std::slice::from_ref(candidate),
            Self::Many(candidates) => candidates,
            Self::NotAnArray => &[],
        }
    }

    /// Checks the candidates as Janus does once the PeerConnection is ready. Janus ignores errors within a list.
    ///
    /// # Errors
    /// 456 or 467.
    pub fn check(&self) -> Result<(), JanusError> {
        match self {
            Self::One(candidate) => check(candidate),
            Self::Many(_) => Ok(()),
            Self::NotAnArray => Err(JanusError::new(INVALID_ELEMENT, "candidates is not an array")),
        }
    }
}

/// Checks one candidate. Any value but an object, and an object with `completed`, ends the candidates.
fn check(candidate: &RawValue) -> Result<(), JanusError> {
    if !is_object(candidate) {
        return Ok(());
    }
    let candidate = LazyObject::parse(candidate.get()).unwrap_or_default();
    if candidate.get("completed").is_some() {
        return Ok(());
    }
    fields(&candidate).map_err(field_error)
}

fn fields(candidate: &LazyObject<'_>) -> Result<(), FieldError> {
    let mid = candidate.optional_string("sdpMid")?;
    let line = candidate.optional_unsigned("sdpMLineIndex")?;
    if mid.is_none() && line.is_none() {
        return Err(FieldError::Missing("sdpMid or sdpMLineIndex"));
    }
    candidate.string("candidate").map(|_| ())
}

fn field_error(error: FieldError) -> JanusError {
    match error {
        FieldError::Missing(name) => {
            JanusError::new(MISSING_ELEMENT, format!("Trickle error: missing mandatory element ({name})"))
        }
        FieldError::Type(name, wanted) => JanusError::new(
            INVALID_ELEMENT,
            format!("Trickle error: invalid element type ({name} should be {wanted})"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(candidate: &str) -> Option<String> {
        let raw = RawValue::from_string(candidate.to_owned()).unwrap();
        Candidates::One(&raw).check().err().map(|error| error.reason)
    }

    #[test]
    fn a_candidate_names_its_media_line() {
        for good in [
            "null",
            "\"text\"",
            r#"{"completed":true}"#,
            r#"{"sdpMid":"0","candidate":"x"}"#,
            r#"{"sdpMLineIndex":0,"candidate":""}"#,
        ] {
            assert_eq!(refused(good), None, "{good}");
        }
        for (bad, text) in [
            ("{}", "missing mandatory element (sdpMid or sdpMLineIndex)"),
            (r#"{"sdpMid":"0"}"#, "missing mandatory element (candidate)"),
            (r#"{"sdpMid":0}"#, "invalid element type (sdpMid should be a string)"),
            (r#"{"sdpMid":"0","candidate":5}"#, "invalid element type (candidate should be a string)"),
        ] {
            assert_eq!(refused(bad), Some(format!("Trickle error: {text}")), "{bad}");
        }
    }
}
