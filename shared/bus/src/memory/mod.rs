//! The bus within one process: what `standalone` and most tests run on.
//!
//! Queues and mailboxes are double-ended queues of the same serialised fields that would stand in a
//! Redis stream, each behind a lock of its own that is never held across an await; waiting is done
//! on a [`Notify`](tokio::sync::Notify). Time is tokio's, so a test may pause it.
//!
//! It fails with the process: what it holds is gone then, like every socket it was for. Only a rehearsal
//! gives its users [`Weather`] in which a step waits or fails.

mod follow;
mod logs;
mod mailbox;
mod notices;
mod peek;
mod queue;
mod roads;

pub use follow::MemoryFollower;
pub use mailbox::MemoryMailbox;
pub use notices::MemoryNotices;
pub use queue::{MemoryAck, MemoryWorker};

use crate::message::{CallRecord, Message, Notice};
use crate::topic::{Log, Mailbox, Queue};
use crate::{LogLine, MailboxOffset, OVERLOADED_MAILBOX, SendError, codec, line};
use common::fault::FaultInjector;
use logs::Logs;
use notices::NoticeChannel;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The bus within this process; clones share it.
#[derive(Clone, Default)]
pub struct MemoryBus {
    streams: Arc<Streams>,
    faults: FaultInjector,
}

#[derive(Default)]
struct Streams {
    queues: Mutex<BTreeMap<String, Arc<queue::QueueStream>>>,
    mailboxes: Mutex<BTreeMap<String, Arc<mailbox::MailboxStream>>>,
    notices: NoticeChannel,
    logs: Arc<Logs>,
}

impl MemoryBus {
    /// The same roads in this weather.
    pub fn with_faults(&self, weather: FaultInjector) -> Self {
        Self { streams: self.streams.clone(), faults: weather }
    }

    pub(crate) async fn enqueue(&self, queue: Queue, message: &Message) -> Result<(), SendError> {
        let fields = codec::encode(message)?;
        self.step("enqueue", || self.queue(queue).push(fields, message.stream_limit())).await?
    }

    pub(crate) async fn post(&self, mailbox: &Mailbox, message: &Message) -> Result<(), SendError> {
        let fields = codec::encode(message)?;
        let push =
            || self.mailbox(&mailbox.key()).ok_or(SendError::NoMailbox)?.push(fields, message.stream_limit());
        self.step("post", push).await?
    }

    pub(crate) fn is_overloaded(&self, mailbox: &Mailbox) -> bool {
        self.mailbox(&mailbox.key()).is_some_and(|road| road.backlog() >= OVERLOADED_MAILBOX)
    }

    pub(crate) async fn publish(&self, notice: &Notice) -> Result<(), SendError> {
        self.step("publish", || self.streams.notices.publish(notice)).await
    }

    pub(crate) async fn log_calls(&self, records: &[CallRecord]) -> Result<(), SendError> {
        let add = |record| self.streams.logs.add(Log::Calls, line::from_call(record));
        self.step("log_calls", || records.iter().for_each(add)).await
    }

    pub(crate) fn join_workers(&self, queue: Queue, _worker: &str) -> MemoryWorker {
        MemoryWorker::join(self.queue(queue), self.faults.clone())
    }

    pub(crate) async fn open(&self, mailbox: Mailbox) -> Result<MemoryMailbox, SendError> {
        let open = || {
            let mut mailboxes = locked(&self.streams.mailboxes);
            mailboxes.retain(|_, road| !road.is_expired());
            let key = mailbox.key();
            let new = || mailbox::MailboxStream::new(key.clone(), self.streams.logs.clone());
            let road = mailboxes.entry(key.clone()).or_insert_with(new);
            MemoryMailbox::open(road.clone(), self.faults.clone())
        };
        self.step("open", open).await
    }

    pub(crate) async fn read_undelivered(
        &self,
        mailbox: &Mailbox,
        after: Option<MailboxOffset>,
    ) -> Result<Vec<(MailboxOffset, Message)>, SendError> {
        let left = || self.mailbox(&mailbox.key()).map(|road| road.undelivered(after)).unwrap_or_default();
        self.step("left_in", left).await
    }

    pub(crate) async fn close(&self, mailbox: &Mailbox) -> Result<(), SendError> {
        let close = || locked(&self.streams.mailboxes).remove(&mailbox.key());
        self.step("close", close).await.map(drop)
    }

    pub(crate) fn subscribe(&self) -> MemoryNotices {
        self.streams.notices.subscribe(self.faults.clone())
    }

    pub(crate) fn tail(&self, log: Log, count: usize) -> Vec<LogLine> {
        self.streams.logs.tail(log, count)
    }

    pub(crate) fn backlog(&self, key: &str) -> usize {
        let queue = locked(&self.streams.queues).get(key).map(|road| road.backlog());
        queue.or_else(|| self.mailbox(key).map(|road| road.backlog())).unwrap_or(0)
    }

    pub(crate) async fn ping(&self) -> Result<(), SendError> {
        self.step("ping", || ()).await
    }

    async fn step<T>(&self, step: &'static str, work: impl FnOnce() -> T) -> Result<T, SendError> {
        self.faults.run(step, work).await.map_err(SendError::Unavailable)
    }

    fn queue(&self, queue: Queue) -> Arc<queue::QueueStream> {
        let key = queue.key();
        let mut queues = locked(&self.streams.queues);
        queues
            .entry(key.clone())
            .or_insert_with(|| queue::QueueStream::new(key, self.streams.logs.clone()))
            .clone()
    }

    fn mailbox(&self, key: &str) -> Option<Arc<mailbox::MailboxStream>> {
        let road = locked(&self.streams.mailboxes).get(key)?.clone();
        (!road.is_expired()).then_some(road)
    }
}

/// A panic elsewhere does not make what is behind the lock wrong: every change is one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
