//! The envelope of a request to a fake Janus: what every request has, and what is checked first.

use super::core::{Connection, Core};
use crate::message::VIDEOCALL;
use serde_json::{Value, json};

/// A request that passed the checks of the envelope.
pub(super) struct Request<'a> {
    pub(super) from: Connection,
    pub(super) body: &'a Value,
    pub(super) kind: String,
    pub(super) session: u64,
    pub(super) handle: u64,
}

/// A core error: its code and its reason.
pub(super) type CoreFailure = (u16, String);

impl Core {
    /// The checks of every request, in Janus' order (janus-api.md 2).
    pub(super) fn check<'a>(&self, from: Connection, body: &'a Value) -> Result<Request<'a>, CoreFailure> {
        text(body, "transaction")?;
        let kind = text(body, "janus")?.to_lowercase();
        let [session, handle] = ["session_id", "handle_id"].map(|key| body[key].as_u64().unwrap_or(0));
        if session != 0 && !self.owners.contains_key(&session) {
            return Err((458, format!("No such session {session}")));
        }
        if handle != 0 && self.handles.get(&handle).is_none_or(|it| it.session != session) {
            return Err((459, format!("No such handle {handle} in session {session}")));
        }
        Ok(Request { from, body, kind, session, handle })
    }
}

/// A member that must be there and be a string.
pub(super) fn text<'a>(body: &'a Value, key: &str) -> Result<&'a str, CoreFailure> {
    match &body[key] {
        Value::String(text) => Ok(text),
        Value::Null => Err((456, format!("Missing mandatory element ({key})"))),
        _ => Err((467, format!("Invalid element type ({key} should be a string)"))),
    }
}

/// The request exists, but not for a session, or not for a handle.
pub(super) fn wrong_path(kind: &str) -> CoreFailure {
    (457, format!("Unhandled request '{kind}' at this path"))
}

/// The answer to `info`, as far as a client of Janus reads it.
pub(super) fn server_info() -> Value {
    json!({
        "name": "Janus WebRTC Server",
        "version": 1102,
        "version_string": "1.1.2",
        "server-name": "fake",
        "accepting-new-sessions": true,
        "session-timeout": 60,
        "reclaim-session-timeout": 30,
        "candidates-timeout": 45,
        "full-trickle": true,
        "api_secret": false,
        "auth_token": false,
        "plugins": {VIDEOCALL: {"name": "JANUS VideoCall plugin", "version": 6, "version_string": "0.0.6"}},
    })
}
