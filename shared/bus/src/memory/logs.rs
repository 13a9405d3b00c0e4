//! The logs of the memory bus: the newest lines, up to the log's cap.

use super::locked;
use crate::Line;
use crate::topic::Log;
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

#[derive(Default)]
pub(super) struct Logs {
    lines: Mutex<HashMap<Log, VecDeque<Line>>>,
}

impl Logs {
    pub(super) fn add(&self, log: Log, line: Line) {
        let mut logs = locked(&self.lines);
        let lines = logs.entry(log).or_default();
        lines.push_back(line);
        if lines.len() > log.cap() {
            lines.pop_front();
        }
    }

    pub(super) fn tail(&self, log: Log, count: usize) -> Vec<Line> {
        let logs = locked(&self.lines);
        let Some(lines) = logs.get(&log) else { return Vec::new() };
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }
}
