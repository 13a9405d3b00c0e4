//! `calls`: prints the log of calls, one line for each event, as text or as JSON. It only reads from Redis.
//! It ends when its output is closed, and on a signal.

use crate::format::{ignore_closed_pipe, rfc3339};
use crate::options::CallsArgs;
use bus::topic::Log;
use bus::{Bus, LogLine, SendError};
use common::display::{visible, visible_json};
use serde_json::{Map, Value};
use service::logging;
use service::redis_options::RedisOptionsError;
use std::io::{self, Write};

/// How many events from before the start are printed.
const TAIL_LENGTH: usize = 100;

#[derive(Debug, thiserror::Error)]
pub enum CallsError {
    #[error(transparent)]
    Log(#[from] service::logging::LoggingError),
    #[error(transparent)]
    Redis(#[from] RedisOptionsError),
    #[error("{redis} does not answer: {error}")]
    Unreachable { redis: String, error: SendError },
    #[error("failed to write the output: {0}")]
    Output(#[source] io::Error),
}

/// Prints the newest events, and with `--follow` also each new one.
pub async fn run(args: CallsArgs) -> Result<(), CallsError> {
    logging::init(&args.log)?;
    let server = args.redis.server()?;
    let unreachable = |error| CallsError::Unreachable { redis: args.redis.redis.to_string(), error };
    let bus = Bus::connect(&server).await.map_err(unreachable)?;
    let format = if args.json { as_json } else { as_text };
    if !args.follow {
        let lines = bus.tail(Log::Calls, TAIL_LENGTH).await.map_err(unreachable)?;
        return ignore_closed_pipe(print(lines, format)).map_err(CallsError::Output);
    }
    let mut follower = bus.follow(Log::Calls, TAIL_LENGTH).await.map_err(unreachable)?;
    loop {
        if let Err(error) = print([follower.next().await], format) {
            return ignore_closed_pipe(Err(error)).map_err(CallsError::Output);
        }
    }
}

fn print(lines: impl IntoIterator<Item = LogLine>, format: fn(&LogLine) -> String) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.into_iter().try_for_each(|line| writeln!(out, "{}", format(&line)))?;
    out.flush()
}

/// `TIME CALL CALLER -> CALLEE BACKEND EVENT [REASON] [SECONDS]`.
fn as_text(line: &LogLine) -> String {
    let find =
        |name: &str| line.iter().find(|(key, _)| key == name).map(|(_, value)| visible(value).into_owned());
    let field = |name: &str| find(name).unwrap_or_else(|| "?".to_owned());
    let at = find("at").and_then(|at| at.parse().ok()).map_or_else(|| "?".to_owned(), rfc3339);
    let (caller, callee) = (field("caller"), field("callee"));
    let mut text =
        format!("{at} {} {caller} -> {callee} {} {}", field("call"), field("backend"), field("event"));
    let millis = find("duration_ms").and_then(|millis| millis.parse::<u64>().ok());
    let seconds = millis.map(|millis| format!("{}.{:03} s", millis / 1_000, millis % 1_000));
    for optional in find("reason").into_iter().chain(seconds) {
        text.push(' ');
        text.push_str(&optional);
    }
    text
}

/// Prints every field by its name; times and durations are numbers. Hidden characters are escaped as JSON permits.
fn as_json(line: &LogLine) -> String {
    let value = |name: &str, text: &str| {
        let is_number = matches!(name, "at" | "duration_ms") || name.ends_with("_us");
        let number = if is_number { text.parse::<u64>().ok() } else { None };
        number.map_or_else(|| Value::from(text), Value::from)
    };
    let fields: Map<_, _> = line.iter().map(|(name, text)| (name.clone(), value(name, text))).collect();
    visible_json(&Value::Object(fields).to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fields: &[(&str, &str)]) -> LogLine {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const ENDED: [(&str, &str); 8] = [
        ("at", "1795361022007"),
        ("call", "01981c3e"),
        ("event", "ended"),
        ("caller", "alice"),
        ("callee", "bob"),
        ("backend", "a"),
        ("reason", "hangup"),
        ("duration_ms", "61005"),
    ];

    #[test]
    fn event_is_one_line_of_text() {
        let text = "2026-11-22T15:23:42.007Z 01981c3e alice -> bob a ended hangup 61.005 s";
        assert_eq!(as_text(&line(&ENDED)), text);
        assert_eq!(
            as_text(&line(&ENDED[..6])).strip_suffix("ended"),
            text.split_once("ended").map(|it| it.0)
        );
        assert_eq!(as_text(&line(&[])), "? ? ? -> ? ? ?");
    }

    #[test]
    fn event_is_one_json_object() {
        let expected = serde_json::json!({
            "at": 1_795_361_022_007_u64, "call": "01981c3e", "event": "ended", "caller": "alice",
            "callee": "bob", "backend": "a", "reason": "hangup", "duration_ms": 61_005,
        });
        assert_eq!(serde_json::from_str::<Value>(&as_json(&line(&ENDED))).unwrap(), expected);
        assert_eq!(as_json(&line(&[("at", "x"), ("caller", "7")])), r#"{"at":"x","caller":"7"}"#);
    }

    #[test]
    fn control_characters_in_names_are_escaped() {
        let text = as_text(&line(&[("caller", "a\u{1b}[2J"), ("callee", "b\nc é")]));
        assert!(text.contains("a\\u{1b}[2J -> b\\u{a}c é"), "{text}");
    }
}
