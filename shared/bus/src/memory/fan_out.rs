//! Logs and notices of the memory bus, which every reader receives. A log keeps its newest lines, up to a cap. Notices
//! go through a broadcast channel, as the same JSON that Redis would carry.

use super::inspect::{self, Tap};
use crate::codec::LogLine;
use crate::inspect::{StreamEntry, StreamKind, StreamStats};
use crate::message::Notice;
use crate::topic::{Log, NOTICE_BUFFER};
use common::fault::FaultInjector;
use common::sync::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, error::RecvError};

#[derive(Default)]
pub(super) struct Logs {
    /// The tap of the whole bus. It is here because every stream holds a reference to the logs.
    pub(super) tap: Tap,
    logs: Mutex<HashMap<Log, LogState>>,
    /// Notified when a line was added to any log.
    changed: Notify,
}

#[derive(Default)]
struct LogState {
    lines: VecDeque<LogLine>,
    /// Lines that were ever added.
    added: u64,
    /// The length of all texts of `lines`.
    bytes: usize,
}

impl LogState {
    /// The number of the oldest line.
    fn first(&self) -> u64 {
        self.added - self.lines.len() as u64
    }
}

impl Logs {
    pub(super) fn add(&self, log: Log, line: LogLine) {
        let mut logs = self.logs.lock();
        let state = logs.entry(log).or_default();
        self.tap.added(log.key(), || inspect::from_line(state.added, &line));
        state.bytes += text_bytes(&line);
        state.lines.push_back(line);
        state.added += 1;
        while state.lines.len() > log.cap() || state.bytes > log.max_bytes() {
            let Some(oldest) = state.lines.pop_front() else { break };
            state.bytes -= text_bytes(&oldest);
        }
        drop(logs);
        self.changed.notify_waiters();
    }

    pub(super) fn tail(&self, log: Log, count: usize) -> Vec<LogLine> {
        let logs = self.logs.lock();
        let Some(LogState { lines, .. }) = logs.get(&log) else { return Vec::new() };
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }

    /// The newest lines as entries, oldest first; `None` before the first line.
    pub(super) fn newest(&self, log: Log, count: usize) -> Option<Vec<StreamEntry>> {
        let logs = self.logs.lock();
        let state = logs.get(&log)?;
        let skipped = state.lines.len().saturating_sub(count);
        let newest = (state.first()..).zip(&state.lines).skip(skipped);
        Some(newest.map(|(number, line)| inspect::from_line(number, line)).collect())
    }

    /// The statistics of a log; `None` before the first line.
    pub(super) fn stats(&self, log: Log) -> Option<StreamStats> {
        let logs = self.logs.lock();
        let state = logs.get(&log)?;
        Some(StreamStats {
            key: log.key().to_owned(),
            kind: StreamKind::Log,
            length: state.lines.len() as u64,
            added: state.added,
            oldest: None,
            workers: None,
        })
    }

    /// The first kept line from this number on, and its number.
    fn line(&self, log: Log, number: u64) -> Option<(u64, LogLine)> {
        let logs = self.logs.lock();
        let state = logs.get(&log)?;
        let number = number.max(state.first());
        let line = state.lines.get((number - state.first()) as usize)?;
        Some((number, line.clone()))
    }

    /// The number of the line that begins the newest `count`.
    fn start_of_newest(&self, log: Log, count: usize) -> u64 {
        self.logs.lock().get(&log).map_or(0, |state| state.added - state.lines.len().min(count) as u64)
    }
}

fn text_bytes(line: &LogLine) -> usize {
    line.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Reads a log as it grows.
pub struct MemoryFollower {
    log: Log,
    next: u64,
    logs: Arc<Logs>,
    faults: FaultInjector,
}

impl MemoryFollower {
    /// Begins with the newest `count` lines.
    pub(super) fn new(log: Log, count: usize, logs: Arc<Logs>, faults: FaultInjector) -> Self {
        Self { log, next: logs.start_of_newest(log, count), logs, faults }
    }

    pub(crate) async fn next(&mut self) -> LogLine {
        loop {
            let changed = self.logs.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            self.faults.before_read().await;
            if let Some((number, line)) = self.logs.line(self.log, self.next) {
                self.next = number + 1;
                return line;
            }
            changed.await;
        }
    }
}

/// Sends notices to all subscribers.
pub(super) struct NoticeChannel(broadcast::Sender<String>);

impl Default for NoticeChannel {
    fn default() -> Self {
        Self(broadcast::Sender::new(NOTICE_BUFFER))
    }
}

impl NoticeChannel {
    pub(super) fn publish(&self, notice: &Notice) {
        let json = serde_json::to_string(notice).expect("a notice is plain JSON");
        // An error means that there is no subscriber.
        let _ = self.0.send(json);
    }

    pub(super) fn subscribe(&self, faults: FaultInjector) -> MemoryNotices {
        MemoryNotices { channel: self.0.subscribe(), faults }
    }
}

/// A subscription to notices.
pub struct MemoryNotices {
    channel: broadcast::Receiver<String>,
    faults: FaultInjector,
}

impl MemoryNotices {
    pub(crate) async fn next(&mut self) -> Notice {
        loop {
            self.faults.before_read().await;
            match self.channel.recv().await {
                Ok(json) => match serde_json::from_str(&json) {
                    Ok(notice) => return notice,
                    Err(error) => tracing::warn!(%error, "ignored a malformed notice"),
                },
                Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "a slow subscriber missed notices"),
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
