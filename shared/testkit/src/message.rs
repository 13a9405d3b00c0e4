//! Accessors for the members of Janus API messages that tests read.

use serde_json::Value;

/// The package name of the VideoCall plugin.
pub const VIDEOCALL: &str = "janus.plugin.videocall";
/// The `opaque_id` of the handles with which connectors probe the plugin.
pub const PROBE: &str = "switchboard-probe";

/// Returns the value of `janus`: `ack`, `event`, `trickle`, `hangup`, ...
pub fn kind(message: &Value) -> &str {
    message["janus"].as_str().unwrap_or_default()
}

/// Returns the plugin data: `{"videocall": "event", "result": ...}` or `{..., "error_code": ..., "error": ...}`.
pub fn data(message: &Value) -> &Value {
    &message["plugindata"]["data"]
}

/// Returns the plugin's `result`, or `Null`.
pub fn result(message: &Value) -> &Value {
    &data(message)["result"]
}

/// Returns the name of a plugin event: `registered`, `incomingcall`, `hangup`, ...; empty for other messages.
pub fn event(message: &Value) -> &str {
    result(message)["event"].as_str().unwrap_or_default()
}

/// Returns whether the message is the reply to this transaction: `ack`, `success`, `error` or the like. The
/// event with the same transaction is separate.
pub fn is_reply_to(message: &Value, transaction: &str) -> bool {
    message["transaction"] == transaction && kind(message) != "event"
}

/// Returns whether the message is the plugin event of this transaction.
pub fn is_event_for(message: &Value, transaction: &str) -> bool {
    message["transaction"] == transaction && kind(message) == "event"
}
