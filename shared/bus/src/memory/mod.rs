//! The bus within one process: what `standalone` and most tests run on.
//!
//! Queues and mailboxes are double-ended queues of the same serialised fields that would stand in a
//! Redis stream, each behind a lock of its own that is never held across an await; waiting is done
//! on a [`Notify`](tokio::sync::Notify). Time is tokio's, so a test may pause it.
//!
//! It fails with the process: what it holds is gone then, like every socket it was for.

mod logs;
mod mailbox;
mod notices;
mod queue;

pub use mailbox::MemoryMailbox;
pub use notices::MemoryNotices;
pub use queue::{MemoryWorker, Receipt};

use crate::message::{CallRecord, Message, Notice};
use crate::topic::{Log, Mailbox, Queue};
use crate::{Line, Mark, SendError, entry, line};
use logs::Logs;
use notices::Channel;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The bus within this process; clones share it.
#[derive(Clone, Default)]
pub struct MemoryBus {
    roads: Arc<Roads>,
}

#[derive(Default)]
struct Roads {
    queues: Mutex<BTreeMap<String, Arc<queue::Road>>>,
    mailboxes: Mutex<BTreeMap<String, Arc<mailbox::Road>>>,
    notices: Channel,
    logs: Arc<Logs>,
}

impl MemoryBus {
    pub(crate) async fn enqueue(&self, queue: Queue, message: &Message) -> Result<(), SendError> {
        let fields = entry::encode(message)?;
        self.queue(queue).push(fields)
    }

    pub(crate) async fn post(&self, mailbox: &Mailbox, message: &Message) -> Result<(), SendError> {
        let fields = entry::encode(message)?;
        self.mailbox(&mailbox.key()).ok_or(SendError::NoMailbox)?.push(fields)
    }

    pub(crate) async fn publish(&self, notice: &Notice) -> Result<(), SendError> {
        self.roads.notices.publish(notice);
        Ok(())
    }

    pub(crate) async fn log_call(&self, record: &CallRecord) -> Result<(), SendError> {
        self.roads.logs.add(Log::Calls, line::of_call(record));
        Ok(())
    }

    pub(crate) fn work(&self, queue: Queue, _worker: &str) -> MemoryWorker {
        MemoryWorker::join(self.queue(queue))
    }

    pub(crate) fn open(&self, mailbox: Mailbox) -> MemoryMailbox {
        let mut mailboxes = locked(&self.roads.mailboxes);
        mailboxes.retain(|_, road| !road.is_expired());
        let key = mailbox.key();
        let road =
            mailboxes.entry(key.clone()).or_insert_with(|| mailbox::Road::new(key, self.roads.logs.clone()));
        MemoryMailbox::own(road.clone())
    }

    pub(crate) fn left_in(&self, mailbox: &Mailbox, after: Option<Mark>) -> Vec<(Mark, Message)> {
        self.mailbox(&mailbox.key()).map(|road| road.left(after)).unwrap_or_default()
    }

    pub(crate) fn close(&self, mailbox: &Mailbox) {
        locked(&self.roads.mailboxes).remove(&mailbox.key());
    }

    pub(crate) fn subscribe(&self) -> MemoryNotices {
        self.roads.notices.subscribe()
    }

    pub(crate) fn tail(&self, log: Log, count: usize) -> Vec<Line> {
        self.roads.logs.tail(log, count)
    }

    pub(crate) fn backlog(&self, key: &str) -> usize {
        let queue = locked(&self.roads.queues).get(key).map(|road| road.backlog());
        queue.or_else(|| self.mailbox(key).map(|road| road.backlog())).unwrap_or(0)
    }

    fn queue(&self, queue: Queue) -> Arc<queue::Road> {
        let key = queue.key();
        let mut queues = locked(&self.roads.queues);
        queues.entry(key.clone()).or_insert_with(|| queue::Road::new(key, self.roads.logs.clone())).clone()
    }

    fn mailbox(&self, key: &str) -> Option<Arc<mailbox::Road>> {
        let road = locked(&self.roads.mailboxes).get(key)?.clone();
        (!road.is_expired()).then_some(road)
    }
}

/// A panic elsewhere does not make what is behind the lock wrong: every change is one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
