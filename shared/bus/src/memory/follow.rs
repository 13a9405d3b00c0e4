//! Follows a log of the memory bus, by the number of the line that comes next.

use super::MemoryBus;
use super::logs::Logs;
use crate::LogLine;
use crate::topic::Log;
use common::fault::FaultInjector;
use std::sync::Arc;

/// One who reads a log as it grows.
pub struct MemoryFollower {
    log: Log,
    number: u64,
    logs: Arc<Logs>,
    faults: FaultInjector,
}

impl MemoryBus {
    pub(crate) fn follow(&self, log: Log, count: usize) -> MemoryFollower {
        let logs = self.streams.logs.clone();
        let (length, added) = logs.counts(log).unwrap_or_default();
        MemoryFollower { log, number: added - length.min(count as u64), logs, faults: self.faults.clone() }
    }
}

impl MemoryFollower {
    pub(crate) async fn next(&mut self) -> LogLine {
        loop {
            let changed = self.logs.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            self.faults.before_read().await;
            if let Some((number, line)) = self.logs.line(self.log, self.number) {
                self.number = number + 1;
                return line;
            }
            changed.await;
        }
    }
}
