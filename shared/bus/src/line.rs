//! What the lines of the logs say. Each begins with `at`, the unix milliseconds it was written at.

use crate::LogLine;
use crate::codec::Fields;
use crate::message::{CallRecord, unix_millis};
use serde_json::Value;

/// A line of [`Log::Calls`](crate::topic::Log::Calls): the record's members as fields.
pub(crate) fn from_call(record: &CallRecord) -> LogLine {
    let mut line = vec![now()];
    let Ok(Value::Object(members)) = serde_json::to_value(record) else { return line };
    line.extend(members.into_iter().map(|(name, value)| (name, plain(value))));
    line
}

/// A line of [`Log::Dead`](crate::topic::Log::Dead): the entry as it was, behind where it came from
/// and why it was given up.
pub(crate) fn from_dead_letter(road: &str, fields: &Fields, error: &str) -> LogLine {
    let mut line = vec![now(), ("road".to_owned(), road.to_owned()), ("error".to_owned(), error.to_owned())];
    line.extend(from_fields(fields));
    line
}

/// A line that somebody wrote, as text.
pub(crate) fn from_fields(fields: &Fields) -> LogLine {
    fields.iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn now() -> (String, String) {
    ("at".to_owned(), unix_millis().to_string())
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
