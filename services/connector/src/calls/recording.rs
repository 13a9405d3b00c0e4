//! Keeps recordings below the operator's folder. A client's `set` may ask to `record` and name a file, and
//! Janus writes to any path. So the connector makes the file name.

use common::CallId;
use protocol::object::LazyObject;
use protocol::videocall::{PluginError, wants_recording};
use protocol::{Raw, Side, raw};
use serde_json::value::RawValue;

/// How many characters of the client's file name are kept.
const MAX_CLIENT_FILENAME: usize = 64;

/// Returns the body of a `set` with a safe file name.
///
/// # Errors
/// 499 for a recording if the operator has named no folder.
pub fn sandboxed(body: Raw, folder: Option<&str>, call: CallId, side: Side) -> Result<Raw, PluginError> {
    let object = LazyObject::parse(body.get()).unwrap_or_default();
    if object.get("record").is_none() && object.get("filename").is_none() {
        return Ok(body);
    }
    let rest = object.without(&["filename"]);
    match (wants_recording(&object), folder) {
        (false, _) => Ok(rest),
        (true, None) => Err(PluginError::recording_disabled()),
        (true, Some(folder)) => Ok(with_filename(&rest, &filename(&object, folder, call, side))),
    }
}

/// A file of this leg alone, so that no leg overwrites the file of another.
fn filename(body: &LazyObject<'_>, folder: &str, call: CallId, side: Side) -> String {
    let requested = body.optional_string("filename").ok().flatten().unwrap_or_default();
    let sanitize = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = requested.chars().take(MAX_CLIENT_FILENAME).map(sanitize).collect();
    let name = if name.is_empty() { "videocall" } else { &name };
    let side = if side == Side::Caller { "caller" } else { "callee" };
    format!("{}/{name}-{call}-{side}", folder.trim_end_matches('/'))
}

fn with_filename(body: &RawValue, filename: &str) -> Raw {
    let members = body.get().strip_suffix('}').unwrap_or_default();
    let text = format!("{members},\"filename\":{}}}", raw(&filename));
    RawValue::from_string(text).expect("an object with one more member is an object")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(body: &str, folder: Option<&str>) -> Result<String, PluginError> {
        let body = RawValue::from_string(body.to_owned()).unwrap();
        sandboxed(body, folder, ID.parse().unwrap(), Side::Callee).map(|body| body.get().to_owned())
    }

    const ID: &str = "00000000-0000-0000-0000-000000000007";

    #[test]
    fn other_settings_pass_unchanged() {
        let body = r#"{"request":"set", "bitrate" : 5}"#;
        assert_eq!(set(body, None).unwrap(), body);
    }

    #[test]
    fn recording_requires_a_folder() {
        assert_eq!(set(r#"{"request":"set","record":true}"#, None).unwrap_err().code, 499);
        assert_eq!(
            set(r#"{"request":"set","record":false,"filename":"/x"}"#, None).unwrap(),
            r#"{"request":"set","record":false}"#
        );
    }

    #[test]
    fn other_members_are_preserved() {
        let body = r#"{"request":"set","record":true,"more":{"a":{}}}"#;
        let expected = format!(
            r#"{{"request":"set","record":true,"more":{{"a":{{}}}},"filename":"/rec/videocall-{ID}-callee"}}"#
        );
        assert_eq!(set(body, Some("/rec")).unwrap(), expected);
    }

    #[test]
    fn recording_path_stays_below_the_folder() {
        for (requested, name) in [
            (r#""/etc/passwd""#, "_etc_passwd"),
            (r#""../../x""#, "______x"),
            (r#""a\u0000b c""#, "a_b_c"),
            (r#""""#, "videocall"),
            ("null", "videocall"),
            (r#""my-call""#, "my-call"),
        ] {
            let body = format!(r#"{{"request":"set","filename":{requested},"record":true}}"#);
            let expected =
                format!(r#"{{"request":"set","record":true,"filename":"/rec/{name}-{ID}-callee"}}"#);
            assert_eq!(set(&body, Some("/rec/")).unwrap(), expected);
        }
    }
}
