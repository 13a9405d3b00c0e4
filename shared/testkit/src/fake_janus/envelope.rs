//! The envelope of a request to a fake Janus: the members of every request, which are checked first.

use crate::message::VIDEOCALL;
use serde_json::{Value, json};

/// The number of a connection.
pub(super) type Connection = u64;

/// A request with a valid envelope.
pub(super) struct Request<'a> {
    pub(super) from: Connection,
    pub(super) body: &'a Value,
    pub(super) kind: String,
    pub(super) session: u64,
    pub(super) handle: u64,
}

/// A core error: code and reason.
pub(super) type CoreFailure = (u16, String);

impl<'a> Request<'a> {
    /// Checks the envelope, in the order of Janus.
    pub(super) fn parse(from: Connection, body: &'a Value) -> Result<Self, CoreFailure> {
        text(body, "transaction")?;
        let kind = text(body, "janus")?.to_lowercase();
        let [session, handle] = ["session_id", "handle_id"].map(|key| body[key].as_u64().unwrap_or(0));
        Ok(Self { from, body, kind, session, handle })
    }
}

/// Returns a mandatory string.
pub(super) fn text<'a>(body: &'a Value, key: &str) -> Result<&'a str, CoreFailure> {
    match &body[key] {
        Value::String(text) => Ok(text),
        Value::Null => Err((456, format!("Missing mandatory element ({key})"))),
        _ => Err((467, format!("Invalid element type ({key} should be a string)"))),
    }
}

/// Returns the error of a request with the wrong addressee.
pub(super) fn wrong_path(kind: &str) -> CoreFailure {
    (457, format!("Unhandled request '{kind}' at this path"))
}

/// Returns the reply to `info`, as far as clients of Janus read it.
pub(super) fn server_info(accepts_sessions: bool) -> Value {
    json!({
        "name": "Janus WebRTC Server",
        "version": 1102,
        "version_string": "1.1.2",
        "server-name": "fake",
        "accepting-new-sessions": accepts_sessions,
        "session-timeout": 60,
        "reclaim-session-timeout": 30,
        "candidates-timeout": 45,
        "full-trickle": true,
        "api_secret": false,
        "auth_token": false,
        "plugins": {VIDEOCALL: {"name": "JANUS VideoCall plugin", "version": 6, "version_string": "0.0.6"}},
    })
}
