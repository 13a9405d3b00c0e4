//! Statistics of recent calls, from the newest records of the call log. Pure: the same records and the same time give
//! the same statistics. Records that cannot be read are skipped.

use bus::LogLine;
use bus::message::EndKind;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many records are read, at most.
pub(super) const MAX_RECORDS: usize = 1_000;
/// The age of the oldest record that is counted, in milliseconds.
const MAX_AGE_MS: u64 = 300_000;
/// The kind of a record that has no known one.
const UNKNOWN_KIND: &str = "unknown";
/// The steps of call setup in their order, as the records name them.
const STEPS: [&str; 5] = ["queue_us", "directory_us", "place_us", "attach_us", "ring_us"];

#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct CallStats {
    /// Unix milliseconds: all records since then are counted.
    since: u64,
    rang: u64,
    answered: u64,
    ended: u64,
    /// Number of ended calls by [`EndKind`], or [`UNKNOWN_KIND`].
    reasons: BTreeMap<&'static str, u64>,
    /// From ringing to the end.
    mean_duration_ms: Option<u64>,
    setup_ms: SetupTime,
    steps_ms: StepTimes,
}

/// From the caller's request until both clients were notified, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct SetupTime {
    #[serde(flatten)]
    total: Percentiles,
    /// Number of calls measured.
    count: u64,
}

/// The steps of call setup, in milliseconds.
#[derive(Debug, Default, PartialEq, Serialize)]
struct StepTimes {
    queue: Percentiles,
    directory: Percentiles,
    place: Percentiles,
    attach: Percentiles,
    ring: Percentiles,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Percentiles {
    p50: Option<f64>,
    p99: Option<f64>,
}

impl CallStats {
    pub fn setup(&self) -> &SetupTime {
        &self.setup_ms
    }
}

impl SetupTime {
    #[cfg(test)]
    pub fn new(p50: Option<f64>, p99: Option<f64>, count: u64) -> Self {
        Self { total: Percentiles { p50, p99 }, count }
    }

    /// The 99th percentile, in milliseconds.
    pub fn p99(&self) -> Option<f64> {
        self.total.p99
    }

    /// Number of calls measured.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// Summarizes the newest records, at most [`MAX_RECORDS`], oldest first.
pub(super) fn summarize(records: &[LogLine], now: u64) -> CallStats {
    let oldest = now.saturating_sub(MAX_AGE_MS);
    let is_truncated = records.len() >= MAX_RECORDS;
    let first = records.first().and_then(time_of).filter(|_| is_truncated);
    let mut stats = CallStats { since: first.unwrap_or(oldest).max(oldest), ..CallStats::default() };
    let mut durations = Vec::new();
    let mut samples = SetupSamples::default();
    for record in records.iter().filter(|record| time_of(record).is_some_and(|at| at >= stats.since)) {
        match field(record, "event") {
            Some("ringing") => {
                stats.rang += 1;
                samples.add(|name| field(record, name)?.parse().ok());
            }
            Some("answered") => stats.answered += 1,
            Some("ended") => {
                stats.ended += 1;
                *stats.reasons.entry(kind_of(record)).or_default() += 1;
                durations.extend(field(record, "duration_ms").and_then(|it| it.parse::<u64>().ok()));
            }
            _ => {}
        }
    }
    let sum = durations.iter().fold(0_u64, |sum, one| sum.saturating_add(*one));
    stats.mean_duration_ms = sum.checked_div(durations.len() as u64);
    (stats.setup_ms, stats.steps_ms) = samples.summarize();
    stats
}

/// The texts of reasons are the clients', so only kinds are counted.
fn kind_of(record: &LogLine) -> &'static str {
    let kind = field(record, "kind").unwrap_or_default();
    EndKind::ALL.iter().map(|known| known.name()).find(|known| *known == kind).unwrap_or(UNKNOWN_KIND)
}

fn time_of(record: &LogLine) -> Option<u64> {
    field(record, "at")?.parse().ok()
}

fn field<'r>(record: &'r LogLine, name: &str) -> Option<&'r str> {
    record.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The times of each step of each call, in microseconds.
#[derive(Default)]
struct SetupSamples(Vec<[u64; STEPS.len()]>);

impl SetupSamples {
    /// Adds a record. One that lacks a step, as of a call that another connector took over, is skipped.
    fn add(&mut self, field: impl Fn(&str) -> Option<u64>) {
        let mut times = [0; STEPS.len()];
        for (time, step) in times.iter_mut().zip(STEPS) {
            let Some(micros) = field(step) else { return };
            *time = micros;
        }
        self.0.push(times);
    }

    fn summarize(&self) -> (SetupTime, StepTimes) {
        let totals =
            self.0.iter().map(|times| times.iter().fold(0, |sum: u64, one| sum.saturating_add(*one)));
        let step = |index: usize| percentiles(self.0.iter().map(|times| times[index]).collect());
        let steps =
            StepTimes { queue: step(0), directory: step(1), place: step(2), attach: step(3), ring: step(4) };
        (SetupTime { total: percentiles(totals.collect()), count: self.0.len() as u64 }, steps)
    }
}

/// Converts microseconds to percentiles in milliseconds.
fn percentiles(mut micros: Vec<u64>) -> Percentiles {
    micros.sort_unstable();
    let percentile = |percent: usize| {
        let rank = (micros.len() * percent).div_ceil(100).max(1);
        micros.get(rank - 1).map(|micros| *micros as f64 / 1e3)
    };
    Percentiles { p50: percentile(50), p99: percentile(99) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn record(at: u64, event: &str, more: &[(&str, &str)]) -> LogLine {
        let at = at.to_string();
        let fields = [("at", at.as_str()), ("event", event)].into_iter().chain(more.iter().copied());
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn events_reasons_and_durations_are_counted() {
        let records = [
            record(NOW - 400_000, "ringing", &[]),
            record(NOW - 9, "ringing", &[]),
            record(NOW - 8, "answered", &[]),
            record(
                NOW - 7,
                "ended",
                &[("kind", "hangup"), ("reason", "a client's words"), ("duration_ms", "3")],
            ),
            record(NOW - 6, "ended", &[("kind", "hangup"), ("duration_ms", "7")]),
            record(NOW + 5, "ended", &[("kind", "no_answer")]),
            record(NOW + 5, "ended", &[("kind", "a kind of a later version")]),
        ];
        let expected = CallStats {
            since: NOW - MAX_AGE_MS,
            rang: 1,
            answered: 1,
            ended: 4,
            reasons: BTreeMap::from([("hangup", 2), ("no_answer", 1), ("unknown", 1)]),
            mean_duration_ms: Some(5),
            ..CallStats::default()
        };
        assert_eq!(summarize(&records, NOW), expected);
    }

    #[test]
    fn no_readable_record_gives_empty_stats() {
        let nothing = CallStats { since: NOW - MAX_AGE_MS, ..CallStats::default() };
        assert_eq!(summarize(&[], NOW), nothing);
        let unreadable = [vec![], record(NOW, "unknown", &[]), vec![("at".to_owned(), "x".to_owned())]];
        assert_eq!(summarize(&unreadable, NOW), nothing);
        assert_eq!(summarize(&[], 5).since, 0);
    }

    #[test]
    fn since_is_the_time_of_the_oldest_record_if_truncated() {
        let records: Vec<LogLine> =
            (0..MAX_RECORDS as u64).map(|number| record(NOW - 1_000 + number, "ringing", &[])).collect();
        let truncated = summarize(&records, NOW);
        assert_eq!((truncated.since, truncated.rang), (NOW - 1_000, MAX_RECORDS as u64));
        let later = summarize(&records, NOW + MAX_AGE_MS - 10);
        assert_eq!((later.since, later.rang), (NOW - 10, 10));
    }

    #[test]
    fn sum_of_durations_saturates() {
        let long = [("duration_ms", "18446744073709551615")];
        let records = [record(NOW, "ended", &long), record(NOW, "ended", &long)];
        assert_eq!(summarize(&records, NOW).mean_duration_ms, Some(u64::MAX / 2));
    }

    fn of(p50: f64, p99: f64) -> Percentiles {
        Percentiles { p50: Some(p50), p99: Some(p99) }
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        assert_eq!(percentiles(vec![]), Percentiles::default());
        assert_eq!(percentiles(vec![7_000]), of(7.0, 7.0));
        assert_eq!(percentiles(vec![2_000, 1_000]), of(1.0, 2.0));
        assert_eq!(percentiles((1..=100).rev().map(|it| it * 1_000).collect()), of(50.0, 99.0));
        assert_eq!(percentiles((1..=101).map(|it| it * 1_000).collect()), of(51.0, 100.0));
    }

    #[test]
    fn records_with_every_step_are_summarized() {
        let mut samples = SetupSamples::default();
        assert_eq!(samples.summarize(), (SetupTime::default(), StepTimes::default()));
        samples.add(|_| Some(1_500));
        samples.add(|step| (step != "ring_us").then_some(9));
        samples.add(|step| step.starts_with("attach").then_some(9));
        let (setup, steps) = samples.summarize();
        assert_eq!(setup, SetupTime { total: of(7.5, 7.5), count: 1 });
        assert_eq!((steps.queue, steps.ring), (of(1.5, 1.5), of(1.5, 1.5)));
        samples.add(|_| Some(u64::MAX));
        assert_eq!(samples.summarize().0.count, 2);
    }
}
