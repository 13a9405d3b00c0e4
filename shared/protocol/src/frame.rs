//! Splits a websocket message into the requests it holds.
//!
//! Janus since 1.1.2 reads several objects from one message, with or without space between them. If one is
//! malformed, it handles none (`janus_websockets.c`). An array counts as an empty object.

use crate::error::{INVALID_JSON, JanusError, UNKNOWN};
use crate::object::LazyObject;
use crate::parser_limits;
use serde_json::value::RawValue;

/// The most requests in one message. Janus has no such limit.
pub const MAX_REQUESTS: usize = 64;

/// Returns the objects of a message of at most `max` bytes: at least one.
///
/// # Errors
/// 454 with the position of the first malformed object; 490 for a message that is too large or has more than
/// [`MAX_REQUESTS`] objects.
pub fn objects(text: &str, max: usize) -> Result<Vec<LazyObject<'_>>, JanusError> {
    if text.len() > max {
        let reason = format!("Request too large ({} bytes, at most {max})", text.len());
        return Err(JanusError::new(UNKNOWN, reason));
    }
    if let Err(refused) = parser_limits::check(text, 1) {
        let before = text.get(..refused.position).unwrap_or_default();
        let column = before.lines().last().map_or(0, str::len);
        return Err(invalid_json(before.lines().count().max(1), column, refused.reason));
    }
    let stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut objects = Vec::new();
    for value in stream {
        if objects.len() == MAX_REQUESTS {
            let reason = format!("Too many requests in one message (at most {MAX_REQUESTS})");
            return Err(JanusError::new(UNKNOWN, reason));
        }
        objects.push(value.and_then(parse_object).map_err(from_serde)?);
    }
    if objects.is_empty() {
        return Err(invalid_json(1, 0, "'[' or '{' expected near end of file"));
    }
    Ok(objects)
}

fn parse_object(value: &RawValue) -> serde_json::Result<LazyObject<'_>> {
    if value.get().starts_with('[') { Ok(LazyObject::default()) } else { LazyObject::parse(value.get()) }
}

fn from_serde(error: serde_json::Error) -> JanusError {
    let text = error.to_string();
    let detail = text.rsplit_once(" at line ").map_or(text.as_str(), |(detail, _)| detail);
    invalid_json(error.line(), error.column(), detail)
}

fn invalid_json(line: usize, column: usize, detail: &str) -> JanusError {
    JanusError::new(INVALID_JSON, format!("Invalid Janus API request - <string>({line},{column}): {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1024;

    #[test]
    fn one_message_holds_several_objects() {
        let found = |text| objects(text, MAX).map(|objects| objects.len());
        assert_eq!(found(r#"{"a":1}"#), Ok(1));
        assert_eq!(found(r#"{"a":1}{"b":{}} {"c":[]}"#), Ok(3));
        assert_eq!(found("{}\n"), Ok(1));
        assert_eq!(found("[]"), Ok(1));
    }

    #[test]
    fn values_that_janus_rejects_are_refused() {
        for bad in [r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, r#"{} {"a":{"b":[99999999999999999999]}}"#] {
            assert_eq!(objects(bad, MAX).expect_err(bad).code, 454);
        }
        let refused = objects("{}\n{\"a\":1e999}", MAX).expect_err("a number beyond the range");
        assert_eq!(refused.reason, "Invalid Janus API request - <string>(2,5): real number overflow");
    }

    #[test]
    fn one_malformed_object_fails_the_message() {
        for text in ["", " ", "5", "\"x\"", "null", "{", "{}{", "{} 5", "{\"a\":}", "nonsense", "{}\0"] {
            let refusal = objects(text, MAX).expect_err(text);
            assert_eq!(refusal.code, 454, "{text:?}");
            assert!(
                refusal.reason.starts_with("Invalid Janus API request - <string>("),
                "{}",
                refusal.reason
            );
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("{{\"body\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(objects(&deep, deep.len()).expect_err("too deep").code, 454);
    }

    #[test]
    fn message_with_many_requests_is_refused() {
        assert_eq!(objects(&"{}".repeat(MAX_REQUESTS), MAX).map(|objects| objects.len()), Ok(MAX_REQUESTS));
        assert_eq!(objects(&"{}".repeat(MAX_REQUESTS + 1), MAX).expect_err("too many").code, 490);
    }

    #[test]
    fn a_large_message_is_refused() {
        let large = format!("{{\"x\":\"{}\"}}", "x".repeat(MAX));
        assert_eq!(objects(&large, MAX).expect_err("too large").code, 490);
    }
}
