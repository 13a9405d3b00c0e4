//! Looks at the roads of the memory bus.

use super::{MemoryBus, locked};
use crate::road::{Road, RoadKind};
use crate::topic::{Log, Mailbox, Queue};

impl MemoryBus {
    pub(crate) fn roads(&self, mailboxes: &[Mailbox]) -> Vec<Road> {
        let queue = |queue: Queue| Some(locked(&self.roads.queues).get(&queue.key())?.look());
        let mailbox = |mailbox: &Mailbox| Some(self.mailbox(&mailbox.key())?.look());
        let queues = Queue::all().filter_map(queue);
        let logs = Log::ALL.into_iter().filter_map(|log| self.log(log));
        queues.chain(mailboxes.iter().filter_map(mailbox)).chain(logs).collect()
    }

    fn log(&self, log: Log) -> Option<Road> {
        let (length, added) = self.roads.logs.counts(log)?;
        let (key, kind) = (log.key().to_owned(), RoadKind::Log);
        Some(Road { key, kind, length, added, oldest: None, workers: None })
    }
}
