//! Janus' checks of a session description before it reaches the plugin (`janus.c`, `sdp.c`). Of the SDP itself
//! only the mandatory lines are checked; the media server checks the rest.

use crate::error::{
    INVALID_ELEMENT, INVALID_JSON_OBJECT, INVALID_SDP, JanusError, MISSING_ELEMENT, UNKNOWN_JSEP_TYPE,
};
use crate::object::{FieldError, LazyObject, is_object};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The most media lines of a session description. Janus has no such limit, and makes a description from them that may
/// be many times as large.
pub const MAX_MEDIA_LINES: usize = 64;
/// The most lines of a session description. Janus has no such limit: of 100,000 short lines its plugin thinks for
/// 0.4 s, and all other calls wait. Of these it thinks for 0.02 s (measured on 1.1.2).
pub const MAX_LINES: usize = 4_096;

/// Offer or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `offer`.
    Offer,
    /// `answer`.
    Answer,
}

/// Checks the `jsep` of a message.
///
/// # Errors
/// One of the codes 455, 456, 464, 465 and 467.
pub fn check(jsep: &RawValue) -> Result<Kind, JanusError> {
    let not_an_object = || JanusError::new(INVALID_JSON_OBJECT, "Invalid jsep object");
    if !is_object(jsep) {
        return Err(not_an_object());
    }
    let jsep = LazyObject::parse(jsep.get()).map_err(|_| not_an_object())?;
    let (kind, sdp) = fields(&jsep).map_err(field_error)?;
    let kind = match kind.to_ascii_lowercase().as_str() {
        "offer" => Kind::Offer,
        "answer" => Kind::Answer,
        _ => {
            return Err(JanusError::new(
                UNKNOWN_JSEP_TYPE,
                format!("JSEP error: unknown message type '{kind}'"),
            ));
        }
    };
    check_sdp(&sdp)?;
    Ok(kind)
}

fn fields(jsep: &LazyObject<'_>) -> Result<(String, String), FieldError> {
    let kind = jsep.string("type")?.into_owned();
    let sdp = jsep.string("sdp")?.into_owned();
    jsep.optional_bool("trickle")?;
    jsep.optional_string("rid_order")?;
    jsep.optional_bool("force_relay")?;
    jsep.optional_bool("e2ee")?;
    Ok((kind, sdp))
}

fn field_error(error: FieldError) -> JanusError {
    match error {
        FieldError::Missing(name) => {
            JanusError::new(MISSING_ELEMENT, format!("JSEP error: missing mandatory element ({name})"))
        }
        FieldError::Type(name, wanted) => JanusError::new(
            INVALID_ELEMENT,
            format!("JSEP error: invalid element type ({name} should be {wanted})"),
        ),
    }
}

fn check_sdp(sdp: &str) -> Result<(), JanusError> {
    if !sdp.starts_with("v=") {
        return Err(JanusError::new(INVALID_SDP, "Invalid SDP (doesn't start with v=)"));
    }
    let has = |start: &str| sdp.lines().any(|line| line.starts_with(start));
    if !(has("o=") && has("s=") && has("m=")) {
        return Err(JanusError::new(INVALID_SDP, "Missing mandatory lines (o=, s= or m=)"));
    }
    if sdp.lines().count() > MAX_LINES {
        return Err(JanusError::new(INVALID_SDP, format!("Too many lines (at most {MAX_LINES})")));
    }
    if sdp.lines().filter(|line| line.starts_with("m=")).count() > MAX_MEDIA_LINES {
        let reason = format!("Too many media lines (at most {MAX_MEDIA_LINES})");
        return Err(JanusError::new(INVALID_SDP, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(jsep: &str) -> Result<Kind, (u16, String)> {
        let raw = RawValue::from_string(jsep.to_owned()).unwrap();
        check(&raw).map_err(|error| (error.code, error.reason))
    }

    #[test]
    fn offers_and_answers_are_accepted() {
        let sdp = "v=0\\r\\no=- 1 1 IN IP4 0.0.0.0\\r\\ns=-\\r\\nm=audio 9 RTP/SAVPF 0\\r\\n";
        assert_eq!(checked(&format!(r#"{{"type":"offer","sdp":"{sdp}"}}"#)), Ok(Kind::Offer));
        assert_eq!(
            checked(&format!(r#"{{"type":"ANSWER","sdp":"{sdp}","trickle":true}}"#)),
            Ok(Kind::Answer)
        );
    }

    #[test]
    fn media_lines_are_bounded() {
        let with = |lines: usize| {
            let media = "m=audio 9 RTP/SAVPF 0\\r\\n".repeat(lines);
            format!(r#"{{"type":"offer","sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n{media}"}}"#)
        };
        assert_eq!(checked(&with(MAX_MEDIA_LINES)), Ok(Kind::Offer));
        assert_eq!(checked(&with(MAX_MEDIA_LINES + 1)).map_err(|(code, _)| code), Err(465));
    }

    #[test]
    fn lines_are_bounded() {
        let with = |lines: usize| {
            let rest = "a=x\\n".repeat(lines - 4);
            format!(
                r#"{{"type":"offer","sdp":"v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nm=audio 9 RTP/SAVPF 0\n{rest}"}}"#
            )
        };
        assert_eq!(checked(&with(MAX_LINES)), Ok(Kind::Offer));
        assert_eq!(checked(&with(MAX_LINES + 1)).map_err(|(code, _)| code), Err(465));
    }

    #[test]
    fn each_error_has_its_code() {
        for (jsep, code, reason) in [
            ("null", 455, "Invalid jsep object"),
            ("[]", 455, "Invalid jsep object"),
            ("{}", 456, "JSEP error: missing mandatory element (type)"),
            (r#"{"type":1}"#, 467, "JSEP error: invalid element type (type should be a string)"),
            (r#"{"type":"offer"}"#, 456, "JSEP error: missing mandatory element (sdp)"),
            (
                r#"{"type":"offer","sdp":"x","trickle":1}"#,
                467,
                "JSEP error: invalid element type (trickle should be a boolean)",
            ),
            (r#"{"type":"pranswer","sdp":"v=0"}"#, 464, "JSEP error: unknown message type 'pranswer'"),
            (r#"{"type":"offer","sdp":"x"}"#, 465, "Invalid SDP (doesn't start with v=)"),
            (r#"{"type":"offer","sdp":"v=0\r\n"}"#, 465, "Missing mandatory lines (o=, s= or m=)"),
        ] {
            assert_eq!(checked(jsep), Err((code, reason.to_owned())), "{jsep}");
        }
    }
}
