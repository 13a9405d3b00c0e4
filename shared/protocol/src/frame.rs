//! Splits a websocket message into the requests it holds.
//!
//! Janus since 1.1.2 reads several objects from one message, with or without space between them. If one is
//! malformed, it handles none (`janus_websockets.c`). An array counts as an empty object.

use crate::error::{INVALID_JSON, JanusError, UNKNOWN};
use crate::object::LazyObject;
use serde_json::value::RawValue;

/// Returns the objects of a message of at most `max` bytes: at least one.
///
/// # Errors
/// 454 with the position of the first malformed object; 490 for a message that is too large.
pub fn objects(text: &str, max: usize) -> Result<Vec<LazyObject<'_>>, JanusError> {
    if text.len() > max {
        let reason = format!("Request too large ({} bytes, at most {max})", text.len());
        return Err(JanusError::new(UNKNOWN, reason));
    }
    if let Some(position) = forbidden_escape(text) {
        let before = &text[..position];
        let column = before.lines().last().map_or(0, str::len);
        return Err(invalid_json(
            before.lines().count().max(1),
            column,
            "this character cannot be escaped so",
        ));
    }
    let stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let objects: Vec<LazyObject> =
        stream.map(|value| parse_object(value?)).collect::<Result<_, _>>().map_err(from_serde)?;
    if objects.is_empty() {
        return Err(invalid_json(1, 0, "'[' or '{' expected near end of file"));
    }
    Ok(objects)
}

/// Returns the position of an escape that Janus' JSON library rejects: half a surrogate pair, or NUL. If
/// forwarded, it would make Janus refuse the whole request.
fn forbidden_escape(text: &str) -> Option<usize> {
    // Skips the common case: the only escapes of an SDP are line ends.
    let mut rest = if text.contains("\\u") { text } else { "" };
    while let Some(position) = rest.find('\\') {
        let escape = &rest[position..];
        let length = match utf16_unit(escape) {
            None => 2,
            Some(0xd800..=0xdbff)
                if matches!(escape.get(6..).and_then(utf16_unit), Some(0xdc00..=0xdfff)) =>
            {
                12
            }
            Some(0 | 0xd800..=0xdfff) => return Some(text.len() - escape.len()),
            Some(_) => 6,
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    None
}

/// Returns the UTF-16 code unit of an escape such as `\u00e9` at the start of the text.
fn utf16_unit(escape: &str) -> Option<u32> {
    u32::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok()
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
    fn escapes_that_janus_rejects_are_refused() {
        for bad in [r#"{"a":"\ud800"}"#, r#"{"a":"x\udc00"}"#, r#"{"a":"\ud83d\u0041"}"#, r#"{"\u0000":1}"#] {
            assert_eq!(objects(bad, MAX).expect_err(bad).code, 454);
        }
        for good in [r#"{"a":"\ud83d\ude00\\u0000\u0041"}"#, r#"{"a":"\\ud800"}"#, r#"{"a":"\u00e9é"}"#] {
            assert!(objects(good, MAX).is_ok(), "{good}");
        }
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
    fn deep_nesting_is_accepted() {
        let deep = format!("{{\"body\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(objects(&deep, deep.len()).is_ok());
    }

    #[test]
    fn a_large_message_is_refused() {
        let large = format!("{{\"x\":\"{}\"}}", "x".repeat(MAX));
        assert_eq!(objects(&large, MAX).expect_err("too large").code, 490);
    }
}
