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
pub use queue::{MemoryWorker, Receipt};

use crate::message::{CallRecord, Message, Notice};
use crate::topic::{Log, Mailbox, Queue};
use crate::{CROWDED_MAILBOX, Line, Mark, SendError, entry, line};
use logs::Logs;
use notices::Channel;
use protocol::weather::Weather;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The bus within this process; clones share it.
#[derive(Clone, Default)]
pub struct MemoryBus {
    roads: Arc<Roads>,
    weather: Weather,
}

#[derive(Default)]
struct Roads {
    queues: Mutex<BTreeMap<String, Arc<queue::Road>>>,
    mailboxes: Mutex<BTreeMap<String, Arc<mailbox::Road>>>,
    notices: Channel,
    logs: Arc<Logs>,
}

impl MemoryBus {
    /// The same roads in this weather.
    pub fn under(&self, weather: Weather) -> Self {
        Self { roads: self.roads.clone(), weather }
    }

    pub(crate) async fn enqueue(&self, queue: Queue, message: &Message) -> Result<(), SendError> {
        let fields = entry::encode(message)?;
        self.step("enqueue", || self.queue(queue).push(fields, message.bound())).await?
    }

    pub(crate) async fn post(&self, mailbox: &Mailbox, message: &Message) -> Result<(), SendError> {
        let fields = entry::encode(message)?;
        let push = || self.mailbox(&mailbox.key()).ok_or(SendError::NoMailbox)?.push(fields, message.bound());
        self.step("post", push).await?
    }

    pub(crate) fn is_crowded(&self, mailbox: &Mailbox) -> bool {
        self.mailbox(&mailbox.key()).is_some_and(|road| road.backlog() >= CROWDED_MAILBOX)
    }

    pub(crate) async fn publish(&self, notice: &Notice) -> Result<(), SendError> {
        self.step("publish", || self.roads.notices.publish(notice)).await
    }

    pub(crate) async fn log_calls(&self, records: &[CallRecord]) -> Result<(), SendError> {
        let add = |record| self.roads.logs.add(Log::Calls, line::of_call(record));
        self.step("log_calls", || records.iter().for_each(add)).await
    }

    pub(crate) fn work(&self, queue: Queue, _worker: &str) -> MemoryWorker {
        MemoryWorker::join(self.queue(queue), self.weather.clone())
    }

    pub(crate) async fn open(&self, mailbox: Mailbox) -> Result<MemoryMailbox, SendError> {
        let open = || {
            let mut mailboxes = locked(&self.roads.mailboxes);
            mailboxes.retain(|_, road| !road.is_expired());
            let key = mailbox.key();
            let new = || mailbox::Road::new(key.clone(), self.roads.logs.clone());
            let road = mailboxes.entry(key.clone()).or_insert_with(new);
            MemoryMailbox::own(road.clone(), self.weather.clone())
        };
        self.step("open", open).await
    }

    pub(crate) async fn left_in(
        &self,
        mailbox: &Mailbox,
        after: Option<Mark>,
    ) -> Result<Vec<(Mark, Message)>, SendError> {
        let left = || self.mailbox(&mailbox.key()).map(|road| road.left(after)).unwrap_or_default();
        self.step("left_in", left).await
    }

    pub(crate) async fn close(&self, mailbox: &Mailbox) -> Result<(), SendError> {
        let close = || locked(&self.roads.mailboxes).remove(&mailbox.key());
        self.step("close", close).await.map(drop)
    }

    pub(crate) fn subscribe(&self) -> MemoryNotices {
        self.roads.notices.subscribe(self.weather.clone())
    }

    pub(crate) fn tail(&self, log: Log, count: usize) -> Vec<Line> {
        self.roads.logs.tail(log, count)
    }

    pub(crate) fn backlog(&self, key: &str) -> usize {
        let queue = locked(&self.roads.queues).get(key).map(|road| road.backlog());
        queue.or_else(|| self.mailbox(key).map(|road| road.backlog())).unwrap_or(0)
    }

    pub(crate) async fn ping(&self) -> Result<(), SendError> {
        self.step("ping", || ()).await
    }

    async fn step<T>(&self, step: &'static str, work: impl FnOnce() -> T) -> Result<T, SendError> {
        self.weather.step(step, work).await.map_err(SendError::Unavailable)
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
