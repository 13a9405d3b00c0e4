//! `calls`: prints the log of calls, a line for each event, as text or as JSON. It reads Redis and writes
//! nothing there. Whoever no longer reads what it prints ends it; so does a signal.

use crate::error::Error;
use crate::options::CallsArgs;
use crate::when::rfc3339;
use crate::words::sanitize;
use bus::topic::Log;
use bus::{Bus, LogLine};
use serde_json::{Map, Value};
use service::logging;
use std::io::{self, ErrorKind, Write};

/// How many lines are shown of what was before.
const TAIL_LENGTH: usize = 100;

/// Prints the newest lines, and then, if that is asked for, each as it is written.
pub async fn run(options: CallsArgs) -> Result<(), Error> {
    logging::init(&options.log)?;
    let ca = options.redis.check()?;
    let unreachable = |error| Error::Unreachable { redis: options.redis.redis.to_string(), error };
    let bus = Bus::redis_with_ca(options.redis.redis.as_str(), ca.as_deref()).await.map_err(unreachable)?;
    let show = if options.json { as_json } else { as_text };
    let printed = match options.follow {
        false => print(bus.tail(Log::Calls, TAIL_LENGTH).await.map_err(unreachable)?, show),
        true => {
            let mut follower = bus.follow(Log::Calls, TAIL_LENGTH).await.map_err(unreachable)?;
            loop {
                if let Err(error) = print([follower.next().await], show) {
                    break Err(error);
                }
            }
        }
    };
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

fn print(lines: impl IntoIterator<Item = LogLine>, show: fn(&LogLine) -> String) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.into_iter().try_for_each(|line| writeln!(out, "{}", show(&line)))?;
    out.flush()
}

/// `TIME CALL CALLER -> CALLEE BACKEND EVENT [REASON] [SECONDS]`.
fn as_text(line: &LogLine) -> String {
    let field = |name: &str| line.iter().find(|(key, _)| key == name).map(|(_, value)| sanitize(value));
    let word = |name: &str| field(name).unwrap_or_else(|| "?".to_owned());
    let at = field("at").and_then(|at| at.parse().ok()).map_or_else(|| "?".to_owned(), rfc3339);
    let (caller, callee) = (word("caller"), word("callee"));
    let mut text =
        format!("{at} {} {caller} -> {callee} {} {}", word("call"), word("backend"), word("event"));
    let seconds = field("duration_ms").and_then(|it| it.parse::<u64>().ok());
    let seconds = seconds.map(|it| format!("{}.{:03} s", it / 1_000, it % 1_000));
    for more in field("reason").into_iter().chain(seconds) {
        text.push(' ');
        text.push_str(&more);
    }
    text
}

/// The fields by name; those that count something as numbers.
fn as_json(line: &LogLine) -> String {
    let number = |value: &String| value.parse::<u64>().map(Value::from).ok();
    let value = |name: &str, value: &String| {
        let counts = matches!(name, "at" | "duration_ms") || name.ends_with("_us");
        counts.then(|| number(value)).flatten().unwrap_or_else(|| Value::from(value.as_str()))
    };
    let fields: Map<_, _> = line.iter().map(|(name, text)| (name.clone(), value(name, text))).collect();
    Value::Object(fields).to_string()
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
    fn an_event_is_a_line() {
        let text = "2026-11-22T15:23:42.007Z 01981c3e alice -> bob a ended hangup 61.005 s";
        assert_eq!(as_text(&line(&ENDED)), text);
        assert_eq!(
            as_text(&line(&ENDED[..6])).strip_suffix("ended"),
            text.split_once("ended").map(|it| it.0)
        );
        assert_eq!(as_text(&line(&[])), "? ? ? -> ? ? ?");
    }

    #[test]
    fn an_event_is_an_object() {
        let wanted = serde_json::json!({
            "at": 1_795_361_022_007_u64, "call": "01981c3e", "event": "ended", "caller": "alice",
            "callee": "bob", "backend": "a", "reason": "hangup", "duration_ms": 61_005,
        });
        assert_eq!(serde_json::from_str::<Value>(&as_json(&line(&ENDED))).unwrap(), wanted);
        assert_eq!(as_json(&line(&[("at", "x"), ("caller", "7")])), r#"{"at":"x","caller":"7"}"#);
    }

    #[test]
    fn a_name_gives_the_terminal_no_orders() {
        let text = as_text(&line(&[("caller", "a\u{1b}[2J"), ("callee", "b\nc é")]));
        assert!(text.contains("a\\u{1b}[2J -> b\\u{a}c é"), "{text}");
    }
}
