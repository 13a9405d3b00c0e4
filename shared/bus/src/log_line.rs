//! The lines of the logs. Each begins with `at`, the unix milliseconds of its writing.

use crate::codec::Fields;
use crate::message::CallRecord;
use common::entropy::unix_millis;
use serde_json::Value;

/// A line of a log: names and values.
pub type LogLine = Vec<(String, String)>;

/// The error of a dead letter that was never acknowledged or rejected.
pub(crate) const DELIVERIES_EXHAUSTED: &str = "delivered five times, never finished";

/// A line of [`Log::Calls`](crate::topic::Log::Calls): the members of the record as fields.
pub(crate) fn from_call(record: &CallRecord) -> LogLine {
    let mut line = vec![now()];
    let Ok(Value::Object(members)) = serde_json::to_value(record) else { return line };
    line.extend(members.into_iter().map(|(name, value)| (name, to_text(value))));
    line
}

/// A line of [`Log::Dead`](crate::topic::Log::Dead): the stream, the error, and the fields of the entry.
pub(crate) fn from_dead_letter(stream: &str, fields: &Fields, error: &str) -> LogLine {
    let mut line =
        vec![now(), ("stream".to_owned(), stream.to_owned()), ("error".to_owned(), error.to_owned())];
    line.extend(from_fields(fields));
    line
}

/// The fields of an entry as text.
pub(crate) fn from_fields(fields: &Fields) -> LogLine {
    fields.iter().map(|(name, value)| (lossy(name), lossy(value))).collect()
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
