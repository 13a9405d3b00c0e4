//! Reading a message of the Janus API: the few places that tests look at.

use serde_json::Value;

/// The plugin that all of this is about.
pub const VIDEOCALL: &str = "janus.plugin.videocall";
/// The `opaque_id` of a handle that only finds out whether the plugin works.
pub const PROBE: &str = "switchboard-probe";

/// What kind of message it is, the value of `janus`: `ack`, `event`, `trickle`, `hangup`, ...
pub fn kind(message: &Value) -> &str {
    message["janus"].as_str().unwrap_or_default()
}

/// What the plugin says: `{"videocall": "event", "result": ...}` or `{..., "error_code": ..., "error": ...}`.
pub fn data(message: &Value) -> &Value {
    &message["plugindata"]["data"]
}

/// The plugin's `result`; `Null` if it is none.
pub fn result(message: &Value) -> &Value {
    &data(message)["result"]
}

/// The name of the plugin's event: `registered`, `incomingcall`, `hangup`, ...; empty if it is none.
pub fn event(message: &Value) -> &str {
    result(message)["event"].as_str().unwrap_or_default()
}

/// Whether it answers the request of that transaction: an `ack`, a `success`, an `error` or the like. An
/// event has the transaction too, but answers in its own time.
pub fn is_reply_to(message: &Value, transaction: &str) -> bool {
    message["transaction"] == transaction && kind(message) != "event"
}

/// Whether it is the plugin's event that belongs to the request of that transaction.
pub fn is_event_for(message: &Value, transaction: &str) -> bool {
    message["transaction"] == transaction && kind(message) == "event"
}
