//! What became of calls lately, from the newest lines of the log `calls`. Pure: the same lines and the same
//! time give the same answer. A line that makes no sense is passed over.

use super::setup::{SetupSamples, SetupTime, StepTimes};
use bus::LogLine;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many lines are looked at, at most.
pub(super) const MAX_RECORDS: usize = 1_000;
/// How old a line may be, in milliseconds.
const MAX_AGE_MS: u64 = 300_000;

/// What the lines come to.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct CallStats {
    /// Unix milliseconds: all lines from here on were counted.
    since: u64,
    rang: u64,
    answered: u64,
    ended: u64,
    /// How many ended for each reason.
    reasons: BTreeMap<String, u64>,
    /// Milliseconds from ringing to the end, of those that ended.
    mean_duration_ms: Option<u64>,
    /// How long it took until calls rang, and each step of that.
    setup_ms: SetupTime,
    steps_ms: StepTimes,
}

/// Counts the newest lines, of which there may be [`LINES`], oldest first.
pub(super) fn summarize(lines: &[LogLine], now: u64) -> CallStats {
    let oldest = now.saturating_sub(MAX_AGE_MS);
    let is_cut = lines.len() >= MAX_RECORDS;
    let first = lines.first().and_then(at).filter(|_| is_cut);
    let mut recent = CallStats { since: first.unwrap_or(oldest).max(oldest), ..CallStats::default() };
    let (mut durations, mut times) = (Vec::new(), SetupSamples::default());
    for line in lines.iter().filter(|line| at(line).is_some_and(|at| at >= recent.since)) {
        match field(line, "event") {
            Some("ringing") => {
                recent.rang += 1;
                times.add(|name| field(line, name)?.parse().ok());
            }
            Some("answered") => recent.answered += 1,
            Some("ended") => {
                recent.ended += 1;
                let reason = field(line, "reason").unwrap_or_default();
                *recent.reasons.entry(reason.to_owned()).or_default() += 1;
                durations.extend(field(line, "duration_ms").and_then(|it| it.parse::<u64>().ok()));
            }
            _ => {}
        }
    }
    let sum = durations.iter().fold(0_u64, |sum, one| sum.saturating_add(*one));
    recent.mean_duration_ms = sum.checked_div(durations.len() as u64);
    (recent.setup_ms, recent.steps_ms) = times.summarize();
    recent
}

fn at(line: &LogLine) -> Option<u64> {
    field(line, "at")?.parse().ok()
}

fn field<'l>(line: &'l LogLine, name: &str) -> Option<&'l str> {
    line.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn line(at: u64, event: &str, more: &[(&str, &str)]) -> LogLine {
        let at = at.to_string();
        let all = [("at", at.as_str()), ("event", event)].into_iter().chain(more.iter().copied());
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn events_reasons_and_durations_are_counted() {
        let lines = [
            line(NOW - 400_000, "ringing", &[]),
            line(NOW - 9, "ringing", &[]),
            line(NOW - 8, "answered", &[]),
            line(NOW - 7, "ended", &[("reason", "hangup"), ("duration_ms", "3")]),
            line(NOW - 6, "ended", &[("reason", "hangup"), ("duration_ms", "7")]),
            line(NOW + 5, "ended", &[("reason", "timeout")]),
        ];
        let wanted = CallStats {
            since: NOW - MAX_AGE_MS,
            rang: 1,
            answered: 1,
            ended: 3,
            reasons: BTreeMap::from([("hangup".to_owned(), 2), ("timeout".to_owned(), 1)]),
            mean_duration_ms: Some(5),
            ..CallStats::default()
        };
        assert_eq!(summarize(&lines, NOW), wanted);
    }

    #[test]
    fn nothing_comes_to_nothing() {
        let nothing = CallStats { since: NOW - MAX_AGE_MS, ..CallStats::default() };
        assert_eq!(summarize(&[], NOW), nothing);
        let nonsense = [vec![], line(NOW, "sang", &[]), vec![("at".to_owned(), "x".to_owned())]];
        assert_eq!(summarize(&nonsense, NOW), nothing);
        assert_eq!(summarize(&[], 5).since, 0);
    }

    #[test]
    fn where_there_are_more_lines_than_were_read_it_says_since_when() {
        let lines: Vec<LogLine> =
            (0..MAX_RECORDS as u64).map(|number| line(NOW - 1_000 + number, "ringing", &[])).collect();
        let cut = summarize(&lines, NOW);
        assert_eq!((cut.since, cut.rang), (NOW - 1_000, MAX_RECORDS as u64));
        let late = summarize(&lines, NOW + MAX_AGE_MS - 10);
        assert_eq!((late.since, late.rang), (NOW - 10, 10));
    }

    #[test]
    fn durations_that_are_too_long_to_add_up_do_no_harm() {
        let long = [("duration_ms", "18446744073709551615")];
        let lines = [line(NOW, "ended", &long), line(NOW, "ended", &long)];
        assert_eq!(summarize(&lines, NOW).mean_duration_ms, Some(u64::MAX / 2));
    }
}
