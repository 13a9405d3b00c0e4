//! What of an entry is shown to whoever looks at roads: enough to see what it is about, and not what people
//! say. Session descriptions and candidates, which hold the addresses of browsers, are named by their size;
//! other long texts are cut; what is named like a secret is never shown.

use serde_json::{Map, Value};

/// The longest text that is shown whole, in characters.
const MAX_SHOWN: usize = 120;
/// How much is shown of a longer one.
const PREVIEW_LENGTH: usize = 60;
/// Members that hold what nobody is to see.
const SECRET_MEMBERS: [&str; 7] =
    ["token", "apisecret", "admin_secret", "secret", "pin", "proof", "password"];
/// Members that hold addresses of browsers.
const ADDRESS_MEMBERS: [&str; 2] = ["sdp", "candidate"];

/// The value of a member of this name; in full but for secrets where that is asked for.
pub(super) fn redact(name: &str, value: Value, full: bool) -> Value {
    match value {
        Value::String(_) | Value::Number(_) if SECRET_MEMBERS.contains(&name) => Value::from("(not shown)"),
        Value::String(text) if full => Value::String(text),
        Value::String(text) if ADDRESS_MEMBERS.contains(&name) => size_only(&text),
        Value::String(text) if text.chars().nth(MAX_SHOWN).is_some() => {
            let beginning: String = text.chars().take(PREVIEW_LENGTH).collect();
            Value::from(format!("{beginning}... ({} bytes)", text.len()))
        }
        Value::Array(items) => items.into_iter().map(|item| redact(name, item, full)).collect(),
        Value::Object(members) => Value::Object(redact_members(members, full)),
        other => other,
    }
}

fn redact_members(members: Map<String, Value>, full: bool) -> Map<String, Value> {
    let one = |(name, value): (String, Value)| {
        let value = redact(&name, value, full);
        (name, value)
    };
    members.into_iter().map(one).collect()
}

fn size_only(text: &str) -> Value {
    Value::from(format!("... ({} bytes)", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_holds_addresses_is_named_by_its_size() {
        let entry = json!({
            "body": { "request": "call", "username": "bob" },
            "jsep": { "type": "offer", "sdp": "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\n" },
            "candidates": [{ "candidate": "candidate:1 1 udp 1 192.0.2.7 9 typ host", "sdpMid": "0" }],
        });
        let seen = redact("payload", entry.clone(), false);
        assert!(!seen.to_string().contains("192.0.2.7"), "{seen}");
        assert_eq!(seen["body"], entry["body"]);
        assert_eq!(seen["jsep"], json!({ "type": "offer", "sdp": "... (31 bytes)" }));
        assert_eq!(seen["candidates"][0]["sdpMid"], "0");
        assert_eq!(redact("payload", entry.clone(), true), entry);
    }

    #[test]
    fn long_texts_are_cut_and_secrets_never_shown() {
        let long = "é".repeat(MAX_SHOWN + 1);
        let seen = redact("payload", json!({ "data": long, "token": "hunter2", "pin": 7 }), false);
        assert_eq!(seen["data"], format!("{}... (242 bytes)", "é".repeat(PREVIEW_LENGTH)));
        for full in [false, true] {
            let seen = redact("payload", json!([{ "token": "hunter2", "pin": 7 }]), full);
            assert_eq!(seen, json!([{ "token": "(not shown)", "pin": "(not shown)" }]));
        }
        assert_eq!(redact("data", json!("é".repeat(MAX_SHOWN)), false), "é".repeat(MAX_SHOWN));
    }
}
