//! The logs of the memory bus: the newest lines, up to the log's cap.

use super::locked;
use super::peek::{self, Tap};
use crate::LogLine;
use crate::topic::Log;
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use tokio::sync::Notify;

#[derive(Default)]
pub(super) struct Logs {
    /// Of the whole bus: every road has the logs beside it.
    pub(super) tap: Tap,
    lines: Mutex<HashMap<Log, LogState>>,
    /// A line was added to one of them.
    pub(super) changed: Notify,
}

#[derive(Default)]
struct LogState {
    lines: VecDeque<LogLine>,
    /// How many there ever were.
    added: u64,
}

impl Logs {
    pub(super) fn add(&self, log: Log, line: LogLine) {
        let mut logs = locked(&self.lines);
        let LogState { lines, added } = logs.entry(log).or_default();
        self.tap.added(log.key(), || peek::from_line(*added, &line));
        lines.push_back(line);
        *added += 1;
        if lines.len() > log.cap() {
            lines.pop_front();
        }
        drop(logs);
        self.changed.notify_waiters();
    }

    /// The first line that is kept from this number on, and its own number.
    pub(super) fn line(&self, log: Log, number: u64) -> Option<(u64, LogLine)> {
        let logs = locked(&self.lines);
        let LogState { lines, added } = logs.get(&log)?;
        let first = added - lines.len() as u64;
        let number = number.max(first);
        lines.get((number - first) as usize).map(|line| (number, line.clone()))
    }

    /// How many lines are kept, and how many there ever were; none before the first.
    pub(super) fn counts(&self, log: Log) -> Option<(u64, u64)> {
        let logs = locked(&self.lines);
        logs.get(&log).map(|LogState { lines, added }| (lines.len() as u64, *added))
    }

    pub(super) fn tail(&self, log: Log, count: usize) -> Vec<LogLine> {
        let logs = locked(&self.lines);
        let Some(LogState { lines, .. }) = logs.get(&log) else { return Vec::new() };
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }
}
