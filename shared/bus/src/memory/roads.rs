//! Looks at the roads of the memory bus.

use super::{MemoryBus, locked};
use crate::streams::{StreamKind, StreamStats};
use crate::topic::{Log, Mailbox, Queue};

impl MemoryBus {
    pub(crate) fn stream_stats(&self, mailboxes: &[Mailbox]) -> Vec<StreamStats> {
        let queue = |queue: Queue| Some(locked(&self.streams.queues).get(&queue.key())?.stats());
        let mailbox = |mailbox: &Mailbox| Some(self.mailbox(&mailbox.key())?.stats());
        let queues = Queue::all().filter_map(queue);
        let logs = Log::ALL.into_iter().filter_map(|log| self.log_stats(log));
        queues.chain(mailboxes.iter().filter_map(mailbox)).chain(logs).collect()
    }

    fn log_stats(&self, log: Log) -> Option<StreamStats> {
        let (length, added) = self.streams.logs.counts(log)?;
        let (key, kind) = (log.key().to_owned(), StreamKind::Log);
        Some(StreamStats { key, kind, length, added, oldest: None, workers: None })
    }
}
