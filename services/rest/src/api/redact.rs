//! Redaction of stream entries: session descriptions and candidates, which contain addresses of browsers, are replaced
//! by their size; other long texts are truncated; secrets are never shown.

use serde_json::{Map, Value};

/// The longest text that is not truncated, in characters.
const MAX_SHOWN: usize = 120;
/// The length of a truncated text, in characters.
const PREVIEW_LENGTH: usize = 60;
const SECRET_MEMBERS: [&str; 7] =
    ["token", "apisecret", "admin_secret", "secret", "pin", "token_digest", "password"];
const ADDRESS_MEMBERS: [&str; 2] = ["sdp", "candidate"];

/// Redacts the value of a member; `full` redacts secrets only.
pub(super) fn redact(name: &str, value: Value, full: bool) -> Value {
    match value {
        Value::String(_) | Value::Number(_) if SECRET_MEMBERS.contains(&name) => Value::from("(not shown)"),
        Value::String(text) if full => Value::String(text),
        Value::String(text) if ADDRESS_MEMBERS.contains(&name) => size_only(&text),
        Value::String(text) if text.chars().nth(MAX_SHOWN).is_some() => {
            let preview: String = text.chars().take(PREVIEW_LENGTH).collect();
            Value::from(format!("{preview}... ({} bytes)", text.len()))
        }
        Value::Array(items) => items.into_iter().map(|item| redact(name, item, full)).collect(),
        Value::Object(members) => Value::Object(redact_members(members, full)),
        other => other,
    }
}

fn redact_members(members: Map<String, Value>, full: bool) -> Map<String, Value> {
    let redacted = |(name, value): (String, Value)| {
        let value = redact(&name, value, full);
        (name, value)
    };
    members.into_iter().map(redacted).collect()
}

fn size_only(text: &str) -> Value {
    Value::from(format!("... ({} bytes)", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_are_replaced_by_their_size() {
        let entry = json!({
            "body": { "request": "call", "username": "bob" },
            "jsep": { "type": "offer", "sdp": "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\n" },
            "candidates": [{ "candidate": "candidate:1 1 udp 1 192.0.2.7 9 typ host", "sdpMid": "0" }],
        });
        let redacted = redact("payload", entry.clone(), false);
        assert!(!redacted.to_string().contains("192.0.2.7"), "{redacted}");
        assert_eq!(redacted["body"], entry["body"]);
        assert_eq!(redacted["jsep"], json!({ "type": "offer", "sdp": "... (31 bytes)" }));
        assert_eq!(redacted["candidates"][0]["sdpMid"], "0");
        assert_eq!(redact("payload", entry.clone(), true), entry);
    }

    #[test]
    fn long_texts_are_truncated_and_secrets_never_shown() {
        let long = "é".repeat(MAX_SHOWN + 1);
        let redacted = redact("payload", json!({ "data": long, "token": "hunter2", "pin": 7 }), false);
        assert_eq!(redacted["data"], format!("{}... (242 bytes)", "é".repeat(PREVIEW_LENGTH)));
        for full in [false, true] {
            let list = redact("payload", json!([{ "token": "hunter2", "pin": 7 }]), full);
            assert_eq!(list, json!([{ "token": "(not shown)", "pin": "(not shown)" }]));
        }
        assert_eq!(redact("data", json!("é".repeat(MAX_SHOWN)), false), "é".repeat(MAX_SHOWN));
    }
}
