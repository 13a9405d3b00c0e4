//! Messages and log lines as the named fields of a stream entry, the same on both implementations.
//!
//! The fields of a message are `id` (UUID), `kind` (the name of the body's variant), `ttl_ms` (milliseconds from when the
//! entry is added until the deadline, optional) and `payload` (JSON). Unknown fields are ignored. An entry with a missing or malformed field goes to the
//! dead log.

use crate::error::{DecodeError, SendError};
use crate::message::{Body, CallRecord, Deadline, MAX_TTL, Message};
use crate::topic::MAX_PAYLOAD;
use common::clock::unix_millis;
use common::text::truncate;
use serde_json::Value;
use std::str::FromStr;
use std::time::Duration;

/// The names and values of an entry, in order. They are bytes, because other programs may write anything.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A line of a log: names and values. The first is `at`, the unix milliseconds at which the line was written.
pub type LogLine = Vec<(String, String)>;

/// What the dead log keeps of an entry: fields, and bytes of each name and value.
const MAX_DEAD_FIELDS: usize = 8;
const MAX_DEAD_TEXT: usize = 2_048;

/// The error of a dead letter that no worker acknowledged or rejected.
pub(crate) const DELIVERIES_EXHAUSTED: &str = "delivered five times, never finished";

/// Encodes a message.
///
/// # Errors
/// `TooLarge`.
pub fn encode(message: &Message) -> Result<Fields, SendError> {
    let payload = message.body.payload().expect("payloads have no map keys that JSON cannot hold");
    if payload.len() > MAX_PAYLOAD {
        return Err(SendError::TooLarge);
    }
    let mut fields = vec![field("id", message.id.to_string()), field("kind", message.body.kind())];
    if let Some(deadline) = message.deadline {
        fields.push(field("ttl_ms", deadline.remaining().as_millis().to_string()));
    }
    fields.push(field("payload", payload));
    Ok(fields)
}

/// The bytes of an entry.
pub(crate) fn size(fields: &Fields) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Decodes the fields of an entry that was added `age` ago.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(fields: &[(Vec<u8>, Vec<u8>)], age: Duration) -> Result<Message, DecodeError> {
    Ok(Message {
        id: parsed(fields, "id")?.ok_or(DecodeError::Field("id"))?,
        deadline: ttl(fields)?.map(|ttl| Deadline::after(ttl.saturating_sub(age))),
        body: Body::read(required(fields, "kind")?, required(fields, "payload")?)?,
    })
}

/// Whether the deadline of an entry that was added `age` ago has passed.
pub(crate) fn is_expired(fields: &[(Vec<u8>, Vec<u8>)], age: Duration) -> bool {
    matches!(ttl(fields), Ok(Some(ttl)) if ttl <= age)
}

/// How long after it was added an entry expires.
fn ttl(fields: &[(Vec<u8>, Vec<u8>)]) -> Result<Option<Duration>, DecodeError> {
    Ok(parsed(fields, "ttl_ms")?.map(|millis| Duration::from_millis(millis).min(MAX_TTL)))
}

/// Whether an entry is a canary. Failed canaries are dropped: they carry no work.
pub(crate) fn is_canary(fields: &[(Vec<u8>, Vec<u8>)]) -> bool {
    matches!(required(fields, "kind"), Ok("canary"))
}

/// A line of [`Log::Calls`](crate::topic::Log::Calls): the members of the record as fields.
pub(crate) fn call_line(record: &CallRecord) -> LogLine {
    let mut line = vec![now()];
    let Ok(Value::Object(members)) = serde_json::to_value(record.clone().with_short_texts()) else {
        return line;
    };
    line.extend(members.into_iter().map(|(name, value)| (name, to_text(value))));
    line
}

/// A line of [`Log::Dead`](crate::topic::Log::Dead): the stream, the error, and the fields of the entry. Keeps at
/// most [`MAX_DEAD_FIELDS`] fields, and of each text [`MAX_DEAD_TEXT`] bytes.
pub(crate) fn dead_letter_line(stream: &str, fields: &Fields, error: &str) -> LogLine {
    let mut line =
        vec![now(), ("stream".to_owned(), stream.to_owned()), ("error".to_owned(), error.to_owned())];
    line.extend(to_text_fields(fields).into_iter().take(MAX_DEAD_FIELDS));
    for text in line.iter_mut().flat_map(|(name, value)| [name, value]) {
        if text.len() > MAX_DEAD_TEXT {
            *text = format!("{}... ({} bytes)", truncate(text, MAX_DEAD_TEXT), text.len());
        }
    }
    line
}

/// The fields of an entry as text.
pub(crate) fn to_text_fields(fields: &Fields) -> LogLine {
    fields.iter().map(|(name, value)| (lossy(name), lossy(value))).collect()
}

fn field(name: &str, value: impl Into<Vec<u8>>) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.into())
}

fn parsed<T: FromStr>(fields: &[(Vec<u8>, Vec<u8>)], name: &'static str) -> Result<Option<T>, DecodeError> {
    let Some(text) = text(fields, name)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| DecodeError::Field(name))
}

fn required<'f>(fields: &'f [(Vec<u8>, Vec<u8>)], name: &'static str) -> Result<&'f str, DecodeError> {
    text(fields, name)?.ok_or(DecodeError::Field(name))
}

fn text<'f>(fields: &'f [(Vec<u8>, Vec<u8>)], name: &'static str) -> Result<Option<&'f str>, DecodeError> {
    let Some((_, value)) = fields.iter().find(|(key, _)| key == name.as_bytes()) else { return Ok(None) };
    std::str::from_utf8(value).map(Some).map_err(|_| DecodeError::Field(name))
}

fn now() -> (String, String) {
    ("at".to_owned(), unix_millis().to_string())
}

fn to_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
