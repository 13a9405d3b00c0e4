//! `/api/v1/streams/{key}/entries`: the newest entries of a stream, and those that are added during a wait.
//!
//! Entries contain messages of clients, so they are redacted unless the request has `full=true`. Such a request needs
//! the same authorization as a change, and is logged. Session descriptions and candidates, which contain addresses of
//! browsers, are replaced by their size. Other long texts are truncated, and secrets are never shown.
//!
//! Bounds: those of [`bus::inspect`], and a number of requests in flight. Further requests are refused (503).

use super::extract::{PathParam, StreamKey};
use super::problem::Problem;
use super::state::ApiState;
use crate::auth::Access;
use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::{Extension, Json};
use bus::inspect::{MAX_ENTRIES, MAX_WATCH, StreamEntry};
use serde::Serialize;
use serde_json::{Map, Value};
use service::ClientAddress;
use std::time::Duration;

const DEFAULT_LIMIT: usize = 20;
/// The longest text that is not truncated, in characters.
const MAX_SHOWN: usize = 120;
/// The length of a truncated text, in characters.
const PREVIEW_LENGTH: usize = 60;
const SECRET_MEMBERS: [&str; 7] =
    ["token", "apisecret", "admin_secret", "secret", "pin", "token_digest", "password"];
const ADDRESS_MEMBERS: [&str; 2] = ["sdp", "candidate"];

#[derive(Serialize)]
pub(super) struct EntryList {
    key: String,
    entries: Vec<EntryView>,
}

#[derive(Serialize)]
struct EntryView {
    id: String,
    at: u64,
    fields: Map<String, Value>,
}

/// `?limit=NUMBER&wait_ms=NUMBER&full=true`, all optional.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EntriesQuery {
    limit: usize,
    wait: Duration,
    full: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for EntriesQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl EntriesQuery {
    fn parse(query: &str) -> Result<Self, Problem> {
        let mut parsed = Self { limit: DEFAULT_LIMIT, wait: Duration::ZERO, full: false };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("limit", number) => {
                    let number = number.parse().ok().filter(|number| (1..=MAX_ENTRIES).contains(number));
                    parsed.limit =
                        number.ok_or_else(|| Problem::bad_request("limit is a number from 1 to 100"))?;
                }
                ("wait_ms", number) => {
                    let wait = number.parse().ok().map(Duration::from_millis);
                    let wait = wait.filter(|wait| *wait <= MAX_WATCH);
                    parsed.wait =
                        wait.ok_or_else(|| Problem::bad_request("wait_ms is a number from 0 to 2000"))?;
                }
                ("full", is_full @ ("true" | "false")) => parsed.full = is_full == "true",
                ("full", _) => return Err(Problem::bad_request("full is true or false")),
                _ => {
                    return Err(Problem::bad_request("this list takes limit, wait_ms and full only"));
                }
            }
        }
        Ok(parsed)
    }
}

/// `GET /streams/{key}/entries`
pub(super) async fn list(
    State(state): State<ApiState>,
    Extension(client): Extension<ClientAddress>,
    headers: HeaderMap,
    PathParam(StreamKey(key)): PathParam<StreamKey>,
    query: EntriesQuery,
) -> Result<Json<EntryList>, Problem> {
    if query.full {
        state.auth.authorize(Access::Change, client, &headers)?;
        tracing::info!(stream = key, %client, "operator reads stream entries in full");
    }
    let permit = state.watchers.try_acquire();
    let _permit = permit
        .map_err(|_| Problem::too_many("16 requests for stream entries are in flight; try again later"))?;
    let entries = state.bus.peek(&key, query.limit, query.wait).await?;
    let entries = entries.ok_or_else(|| Problem::no_such_stream(&key))?;
    Ok(Json(EntryList {
        key,
        entries: entries.into_iter().map(|entry| entry_view(entry, query.full)).collect(),
    }))
}

fn entry_view(StreamEntry { id, at, fields }: StreamEntry, full: bool) -> EntryView {
    let value = |name: &str, text: String| match name {
        "payload" => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        _ => Value::String(text),
    };
    let fields = fields.into_iter().map(|(name, text)| {
        let value = redact(&name, value(&name, text), full);
        (name, value)
    });
    EntryView { id, at, fields: fields.collect() }
}

/// Redacts the value of a member; `full` redacts secrets only.
fn redact(name: &str, value: Value, full: bool) -> Value {
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
    fn query_is_parsed() {
        let expected =
            |limit, millis, full| Some(EntriesQuery { limit, wait: Duration::from_millis(millis), full });
        let parse = |query: &str| EntriesQuery::parse(query).ok();
        assert_eq!(parse(""), expected(20, 0, false));
        assert_eq!(parse("limit=100&wait_ms=2000&full=true"), expected(100, 2_000, true));
        assert_eq!(parse("full=false"), expected(20, 0, false));
        for invalid in ["limit=0", "limit=101", "wait_ms=2001", "wait_ms=-1", "full", "full=1", "after=1"] {
            assert_eq!(parse(invalid), None, "{invalid}");
        }
    }

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
