//! The bus within one process, for `standalone` and most tests.
//!
//! Queues and mailboxes are double-ended queues of the same encoded fields that a Redis stream would hold. Each has its
//! own lock, which is never held across an `await`. Waiting uses [`Notify`](tokio::sync::Notify). Time is tokio's, so
//! that a test may pause it.
//!
//! Its content is lost when the process ends, and the connections of all clients with it. Simulations inject faults
//! ([`FaultInjector`]) that delay or fail single steps.

mod fan_out;
mod inspect;
mod mailbox;
mod queue;

pub use fan_out::{MemoryFollower, MemoryNotices};
pub use mailbox::MemoryMailbox;
pub use queue::{MemoryAck, MemoryWorker};

use crate::ack_tracker::MailboxOffset;
use crate::codec::{self, LogLine};
use crate::error::SendError;
use crate::inspect::{StreamEntry, StreamStats};
use crate::message::{CallRecord, Message, Notice};
use crate::topic::{Log, Mailbox, OVERLOADED_MAILBOX, Queue};
use common::fault::FaultInjector;
use common::sync::Mutex;
use fan_out::{Logs, NoticeChannel};
use mailbox::MailboxStream;
use queue::QueueStream;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The bus within this process; clones share it.
#[derive(Clone, Default)]
pub struct MemoryBus {
    streams: Arc<Streams>,
    faults: FaultInjector,
}

#[derive(Default)]
struct Streams {
    queues: Mutex<BTreeMap<String, Arc<QueueStream>>>,
    mailboxes: Mutex<BTreeMap<String, Arc<MailboxStream>>>,
    notices: NoticeChannel,
    logs: Arc<Logs>,
}

impl MemoryBus {
    /// A handle on the same bus, with these faults injected into its steps.
    pub fn with_faults(&self, faults: FaultInjector) -> Self {
        Self { streams: self.streams.clone(), faults }
    }

    pub(crate) async fn enqueue(&self, queue: Queue, message: &Message) -> Result<(), SendError> {
        let fields = codec::encode(message)?;
        let limit = message.stream_limit().entries_for(codec::size(&fields));
        self.step("enqueue", || self.queue(queue).push(fields, limit)).await?
    }

    pub(crate) async fn post(&self, mailbox: &Mailbox, message: &Message) -> Result<(), SendError> {
        let fields = codec::encode(message)?;
        let limit = message.stream_limit().entries_for(codec::size(&fields));
        let push = || {
            let stream = self.mailbox(&mailbox.key()).ok_or(SendError::NoMailbox)?;
            stream.push(fields, limit)
        };
        self.step("post", push).await?
    }

    pub(crate) fn is_overloaded(&self, mailbox: &Mailbox) -> bool {
        self.mailbox(&mailbox.key()).is_some_and(|stream| stream.backlog() >= OVERLOADED_MAILBOX)
    }

    pub(crate) async fn publish(&self, notice: &Notice) -> Result<(), SendError> {
        self.step("publish", || self.streams.notices.publish(notice)).await
    }

    pub(crate) async fn log_calls(&self, records: &[CallRecord]) -> Result<(), SendError> {
        let add = |record| self.streams.logs.add(Log::Calls, codec::call_line(record));
        self.step("log_calls", || records.iter().for_each(add)).await
    }

    pub(crate) fn join_workers(&self, queue: Queue) -> MemoryWorker {
        MemoryWorker::join(self.queue(queue), self.faults.clone())
    }

    pub(crate) async fn open(&self, mailbox: Mailbox) -> Result<MemoryMailbox, SendError> {
        let open = || {
            let mut mailboxes = self.streams.mailboxes.lock();
            mailboxes.retain(|_, stream| !stream.is_expired());
            let key = mailbox.key();
            let new = || MailboxStream::new(key.clone(), self.streams.logs.clone());
            let stream = mailboxes.entry(key.clone()).or_insert_with(new);
            MemoryMailbox::open(stream.clone(), self.faults.clone())
        };
        self.step("open", open).await
    }

    pub(crate) async fn read_undelivered(
        &self,
        mailbox: &Mailbox,
        after: Option<MailboxOffset>,
    ) -> Result<Vec<(MailboxOffset, Message)>, SendError> {
        let read =
            || self.mailbox(&mailbox.key()).map(|stream| stream.undelivered(after)).unwrap_or_default();
        self.step("read_undelivered", read).await
    }

    pub(crate) async fn close(&self, mailbox: &Mailbox) -> Result<(), SendError> {
        self.step("close", || self.streams.mailboxes.lock().remove(&mailbox.key())).await.map(drop)
    }

    pub(crate) fn subscribe(&self) -> MemoryNotices {
        self.streams.notices.subscribe(self.faults.clone())
    }

    pub(crate) fn tail(&self, log: Log, count: usize) -> Vec<LogLine> {
        self.streams.logs.tail(log, count)
    }

    pub(crate) fn follow(&self, log: Log, count: usize) -> MemoryFollower {
        MemoryFollower::new(log, count, self.streams.logs.clone(), self.faults.clone())
    }

    pub(crate) fn backlog(&self, key: &str) -> usize {
        let queue = self.streams.queues.lock().get(key).map(|queue| queue.backlog());
        queue.or_else(|| self.mailbox(key).map(|mailbox| mailbox.backlog())).unwrap_or(0)
    }

    pub(crate) async fn ping(&self) -> Result<(), SendError> {
        self.step("ping", || ()).await
    }

    pub(crate) fn stream_stats(&self, mailboxes: &[Mailbox]) -> Vec<StreamStats> {
        let queue = |queue: Queue| Some(self.streams.queues.lock().get(&queue.key())?.stats());
        let mailbox = |mailbox: &Mailbox| Some(self.mailbox(&mailbox.key())?.stats());
        let queues = Queue::all().filter_map(queue);
        let logs = Log::ALL.into_iter().filter_map(|log| self.streams.logs.stats(log));
        queues.chain(mailboxes.iter().filter_map(mailbox)).chain(logs).collect()
    }

    pub(crate) async fn peek(&self, key: &str, count: usize, watch: Duration) -> Option<Vec<StreamEntry>> {
        let arriving = self.streams.logs.tap.subscribe();
        let mut entries = inspect::newest_that_fit(self.newest(key, count)?);
        if !watch.is_zero() {
            let last = entries.last().and_then(|entry| entry.id.parse().ok());
            entries.extend(inspect::collect_new(arriving, key, last, watch).await);
        }
        Some(entries)
    }

    fn newest(&self, key: &str, count: usize) -> Option<Vec<StreamEntry>> {
        if let Some(queue) = self.streams.queues.lock().get(key) {
            return Some(queue.newest(count));
        }
        match Log::ALL.into_iter().find(|log| log.key() == key) {
            Some(log) => self.streams.logs.newest(log, count),
            None => Some(self.mailbox(key)?.newest(count)),
        }
    }

    async fn step<T>(&self, step: &'static str, work: impl FnOnce() -> T) -> Result<T, SendError> {
        self.faults.run(step, work).await.map_err(SendError::Unavailable)
    }

    fn queue(&self, queue: Queue) -> Arc<QueueStream> {
        let key = queue.key();
        let mut queues = self.streams.queues.lock();
        queues.entry(key.clone()).or_insert_with(|| QueueStream::new(key, self.streams.logs.clone())).clone()
    }

    fn mailbox(&self, key: &str) -> Option<Arc<MailboxStream>> {
        let stream = self.streams.mailboxes.lock().get(key)?.clone();
        (!stream.is_expired()).then_some(stream)
    }
}
