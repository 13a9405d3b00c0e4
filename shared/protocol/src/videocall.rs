//! Requests, errors and results of the VideoCall plugin (`janus_videocall.c`). The request `exists` is that of
//! janus-cloud (`plugin/videocall.py`).

use crate::Raw;
use crate::object::{FieldError, LazyObject, integer};
use crate::raw;
use common::text::truncate;
use serde::{Deserialize, Serialize};

/// The package name of the plugin.
pub const PLUGIN: &str = "janus.plugin.videocall";
/// The longest username that a router may accept, in bytes. Janus itself has no limit.
pub const MAX_USERNAME: usize = 4096;
/// The longest reason of a hangup, in bytes; a longer one is cut. Janus itself has no limit.
pub const MAX_REASON: usize = 255;

/// A request to the plugin, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginRequest {
    /// Registers a username.
    Register,
    /// Calls a username.
    Call,
    /// Accepts the incoming call.
    Accept,
    /// Changes what is sent or received, or renegotiates.
    Set,
    /// Ends the call.
    Hangup,
    /// Lists the registered usernames.
    List,
    /// Checks whether a username is registered.
    Exists,
}

/// The error event of the plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {text}")]
pub struct PluginError {
    /// `error_code`.
    pub code: u16,
    /// `error`.
    pub text: String,
}

impl PluginError {
    fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// 472: unknown request.
    pub fn unknown_request(request: &str) -> Self {
        Self::new(472, format!("Unknown request ({request})"))
    }

    /// 473: `call` by a handle without a username.
    pub fn register_first() -> Self {
        Self::new(473, "Register a username first")
    }

    /// 477: the handle has a username.
    pub fn already_registered(username: &str) -> Self {
        Self::new(477, format!("Already registered ({username})"))
    }

    /// 478: the username is not registered.
    pub fn no_such_username(username: &str) -> Self {
        Self::new(478, format!("Username '{username}' doesn't exist"))
    }

    /// 479: `call` of its own username.
    pub fn use_echo_test() -> Self {
        Self::new(479, "You can't call yourself... use the EchoTest for that")
    }

    /// 480: the handle is in a call.
    pub fn already_in_call() -> Self {
        Self::new(480, "Already in a call")
    }

    /// 481: `accept` without an incoming call.
    pub fn no_call() -> Self {
        Self::new(481, "No incoming call to accept")
    }

    /// 482: `call` or `accept` without a jsep.
    pub fn missing_sdp() -> Self {
        Self::new(482, "Missing SDP")
    }

    /// 499: recording is disabled. Switchboard's own code; Janus would write to any path of the client's choice.
    pub fn recording_disabled() -> Self {
        Self::new(499, "Recording is not enabled on this server")
    }

    /// 499: `list` is switched off. Switchboard's own code.
    pub fn list_disabled() -> Self {
        Self::new(499, "The list of users is not enabled on this server")
    }

    /// 499: the result does not fit into a message. Switchboard's own code.
    pub fn result_too_large() -> Self {
        Self::new(499, "The result is too large")
    }

    /// 499: the cluster did not answer in time. Switchboard's own code.
    pub fn timed_out() -> Self {
        Self::new(499, "The server did not answer in time, please try again")
    }

    /// 502: no backend is available for the call. Code and text of janus-cloud.
    pub fn no_backend() -> Self {
        Self::new(502, "No backend server")
    }

    /// 503: calls are refused because the cluster is overloaded. Switchboard's own code.
    pub fn overloaded() -> Self {
        Self::new(503, "Too many calls are being made, please try again")
    }

    /// 502: the backend chosen for the call failed.
    pub fn backend_failed() -> Self {
        Self::new(502, "The media server did not take the call, please try again")
    }
}

impl From<FieldError> for PluginError {
    fn from(error: FieldError) -> Self {
        let code = match error {
            FieldError::Missing(_) => 475,
            FieldError::Type(..) => 474,
        };
        Self::new(code, error.to_string())
    }
}

/// Returns the request in a body. Case does not matter.
///
/// # Errors
/// 472, 474 or 475.
pub fn request(body: &LazyObject<'_>) -> Result<PluginRequest, PluginError> {
    let name = body.string("request")?;
    Ok(match name.to_ascii_lowercase().as_str() {
        "register" => PluginRequest::Register,
        "call" => PluginRequest::Call,
        "accept" => PluginRequest::Accept,
        "set" => PluginRequest::Set,
        "hangup" => PluginRequest::Hangup,
        "list" => PluginRequest::List,
        "exists" => PluginRequest::Exists,
        _ => return Err(PluginError::unknown_request(&name)),
    })
}

/// Returns the `username` of `call` and `exists`.
///
/// # Errors
/// 474 or 475.
pub fn username(body: &LazyObject<'_>) -> Result<String, PluginError> {
    new_username(body, MAX_USERNAME)
}

/// Returns the `username` of `register`, which has at most `max` bytes.
///
/// # Errors
/// 474 or 475.
pub fn new_username(body: &LazyObject<'_>, max: usize) -> Result<String, PluginError> {
    let name = body.string("username")?;
    if name.len() > max {
        return Err(PluginError::new(474, format!("Invalid value (username is over {max} bytes)")));
    }
    Ok(name.into_owned())
}

/// Returns the `reason` of `hangup`, at most [`MAX_REASON`] bytes of it. Any value but a string is ignored.
pub fn hangup_reason(body: &LazyObject<'_>) -> Option<String> {
    let reason = body.optional_string("reason").ok().flatten();
    reason.map(|reason| truncate(&reason, MAX_REASON).to_owned())
}

/// Checks the members of `set`.
///
/// # Errors
/// 474.
pub fn check_set(body: &LazyObject<'_>) -> Result<(), PluginError> {
    body.optional_bool("audio")?;
    body.optional_bool("video")?;
    body.optional_unsigned("bitrate")?;
    body.optional_bool("record")?;
    body.optional_string("filename")?;
    body.optional_bool("restart")?;
    check_layer(body, "substream")?;
    check_layer(body, "temporal")?;
    check_fallback(body)
}

/// Returns whether a `set` starts a recording.
pub fn wants_recording(body: &LazyObject<'_>) -> bool {
    matches!(body.optional_bool("record"), Ok(Some(true)))
}

fn check_layer(body: &LazyObject<'_>, name: &'static str) -> Result<(), PluginError> {
    match body.get(name) {
        Some(value) if !integer(value).is_some_and(|layer| (0..=2).contains(&layer)) => {
            Err(PluginError::new(474, format!("Invalid value ({name} should be 0, 1 or 2)")))
        }
        _ => Ok(()),
    }
}

fn check_fallback(body: &LazyObject<'_>) -> Result<(), PluginError> {
    match body.get("fallback") {
        Some(value) if integer(value).is_none_or(|microseconds| microseconds < 0) => {
            Err(PluginError::new(474, "Invalid value (fallback should be a positive integer)"))
        }
        _ => Ok(()),
    }
}

#[derive(Serialize)]
struct EventData<T> {
    videocall: &'static str,
    #[serde(flatten)]
    content: T,
}

fn data<T: Serialize>(content: T) -> Raw {
    raw(&EventData { videocall: "event", content })
}

/// Returns the plugin data of an error.
pub fn error(error: &PluginError) -> Raw {
    #[derive(Serialize)]
    struct ErrorContent<'a> {
        error_code: u16,
        error: &'a str,
    }
    data(ErrorContent { error_code: error.code, error: &error.text })
}

#[derive(Serialize)]
struct ResultData<T> {
    result: T,
}

/// Returns the plugin data of an event.
pub fn event(event: &str, username: Option<&str>, reason: Option<&str>) -> Raw {
    #[derive(Serialize)]
    struct EventResult<'a> {
        event: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        username: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    }
    data(ResultData { result: EventResult { event, username, reason } })
}

/// Returns the plugin data of a `list` result.
pub fn list(usernames: &[String]) -> Raw {
    #[derive(Serialize)]
    struct ListResult<'a> {
        list: &'a [String],
    }
    data(ResultData { result: ListResult { list: usernames } })
}

/// Returns the plugin data of an `exists` result.
pub fn exists(username: &str, registered: bool) -> Raw {
    #[derive(Serialize)]
    struct ExistsResult<'a> {
        username: &'a str,
        registered: bool,
    }
    data(ResultData { result: ExistsResult { username, registered } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_format_of_janus() {
        assert_eq!(
            event("registered", Some("al"), None).get(),
            r#"{"videocall":"event","result":{"event":"registered","username":"al"}}"#
        );
        assert_eq!(
            event("hangup", None, Some("Explicit hangup")).get(),
            r#"{"videocall":"event","result":{"event":"hangup","reason":"Explicit hangup"}}"#
        );
        assert_eq!(
            error(&PluginError::register_first()).get(),
            r#"{"videocall":"event","error_code":473,"error":"Register a username first"}"#
        );
        assert_eq!(
            exists("bo", true).get(),
            r#"{"videocall":"event","result":{"username":"bo","registered":true}}"#
        );
    }

    #[test]
    fn request_names_ignore_case() {
        let code = |body: &str| request(&LazyObject::parse(body).unwrap()).map_err(|error| error.code);
        assert_eq!(code(r#"{"request":"REGISTER"}"#), Ok(PluginRequest::Register));
        assert_eq!(code("{}"), Err(475));
        assert_eq!(code(r#"{"request":5}"#), Err(474));
        assert_eq!(code(r#"{"request":"nope"}"#), Err(472));
    }

    #[test]
    fn invalid_settings_have_the_errors_of_janus() {
        let refused = |body: &str| check_set(&LazyObject::parse(body).unwrap()).unwrap_err().text;
        for (body, text) in [
            (r#"{"audio":1}"#, "Invalid element type (audio should be a boolean)"),
            (r#"{"bitrate":-1}"#, "Invalid element type (bitrate should be a positive integer)"),
            (r#"{"filename":3}"#, "Invalid element type (filename should be a string)"),
            (r#"{"substream":3}"#, "Invalid value (substream should be 0, 1 or 2)"),
            (r#"{"temporal":-1}"#, "Invalid value (temporal should be 0, 1 or 2)"),
            (r#"{"fallback":"x"}"#, "Invalid value (fallback should be a positive integer)"),
        ] {
            assert_eq!(refused(body), text);
        }
        assert_eq!(check_set(&LazyObject::parse(r#"{"video":false,"record":false}"#).unwrap()), Ok(()));
    }
}
