//! `calls`: prints the log of calls, a line for each event, as text or as JSON. It reads Redis and writes
//! nothing there. Whoever no longer reads what it prints ends it; so does a signal.

use crate::error::Error;
use crate::options::Calls;
use bus::topic::Log;
use bus::{Bus, Line};
use serde_json::{Map, Value};
use service::logging;
use std::io::{self, ErrorKind, Write};

/// How many lines are shown of what was before.
const NEWEST: usize = 100;

/// Prints the newest lines, and then, if that is asked for, each as it is written.
pub async fn run(options: Calls) -> Result<(), Error> {
    logging::init(&options.log)?;
    options.redis.redis.check()?;
    let unreachable = |error| Error::Unreachable { redis: options.redis.redis.to_string(), error };
    let bus = Bus::redis(options.redis.redis.as_str()).await.map_err(unreachable)?;
    let show = if options.json { as_json } else { as_text };
    let printed = match options.follow {
        false => print(bus.tail(Log::Calls, NEWEST).await.map_err(unreachable)?, show),
        true => {
            let mut follower = bus.follow(Log::Calls, NEWEST).await.map_err(unreachable)?;
            loop {
                if let Err(error) = print([follower.next().await], show) {
                    break Err(error);
                }
            }
        }
    };
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Printing(error)),
        _ => Ok(()),
    }
}

fn print(lines: impl IntoIterator<Item = Line>, show: fn(&Line) -> String) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.into_iter().try_for_each(|line| writeln!(out, "{}", show(&line)))?;
    out.flush()
}

/// `TIME CALL CALLER -> CALLEE BACKEND EVENT [REASON] [SECONDS]`.
fn as_text(line: &Line) -> String {
    let field = |name: &str| line.iter().find(|(key, _)| key == name).map(|(_, value)| harmless(value));
    let word = |name: &str| field(name).unwrap_or_else(|| "?".to_owned());
    let at = field("at").and_then(|at| at.parse().ok()).map_or_else(|| "?".to_owned(), time);
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
fn as_json(line: &Line) -> String {
    let number = |value: &String| value.parse::<u64>().map(Value::from).ok();
    let value = |name: &str, value: &String| {
        let counts = matches!(name, "at" | "duration_ms");
        counts.then(|| number(value)).flatten().unwrap_or_else(|| Value::from(value.as_str()))
    };
    let fields: Map<_, _> = line.iter().map(|(name, text)| (name.clone(), value(name, text))).collect();
    Value::Object(fields).to_string()
}

/// Users choose their names: what a terminal would obey is written out.
fn harmless(text: &str) -> String {
    let one = |char: char| match char.is_control() {
        true => char.escape_unicode().to_string(),
        false => char.to_string(),
    };
    text.chars().map(one).collect()
}

/// Unix milliseconds as RFC 3339 has them, in UTC.
fn time(millis: u64) -> String {
    let (days, in_day) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", in_day % 1_000)
}

/// Year, month and day so many days after 1 January 1970, in years that begin in March, so that the leap
/// day comes last (Howard Hinnant's `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fields: &[(&str, &str)]) -> Line {
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

    #[test]
    fn times_are_those_of_the_calendar() {
        for (millis, wanted) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(time(millis), wanted);
        }
    }
}
