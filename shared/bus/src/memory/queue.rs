//! A queue of the memory bus: ready messages, in order, and pending ones, which workers hold.
//!
//! A message that a worker does not acknowledge within [`REDELIVER_AFTER`] returns to the front, for the next worker
//! that waits. No task runs for this: waiting workers sleep until the first pending message is overdue.

use super::fan_out::Logs;
use super::inspect;
use crate::codec::{self, DELIVERIES_EXHAUSTED, Fields};
use crate::error::SendError;
use crate::inspect::{StreamEntry, StreamKind, StreamStats, Workers};
use crate::message::Message;
use crate::metrics;
use crate::topic::{Log, MAX_DELIVERIES, REDELIVER_AFTER};
use common::fault::FaultInjector;
use common::sync::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub(super) struct QueueStream {
    key: String,
    state: Mutex<QueueState>,
    changed: Notify,
    logs: Arc<Logs>,
    workers_joined: AtomicU64,
    workers_active: AtomicU64,
}

#[derive(Default)]
struct QueueState {
    ready: VecDeque<QueuedMessage>,
    pending: BTreeMap<u64, PendingMessage>,
    added: u64,
    redelivered: u64,
}

struct QueuedMessage {
    number: u64,
    since: Instant,
    fields: Fields,
    deliveries: u32,
}

struct PendingMessage {
    message: QueuedMessage,
    worker: u64,
    since: Instant,
}

impl QueueStream {
    pub(super) fn new(key: String, logs: Arc<Logs>) -> Arc<Self> {
        Arc::new(Self {
            key,
            state: Mutex::default(),
            changed: Notify::new(),
            logs,
            workers_joined: AtomicU64::new(0),
            workers_active: AtomicU64::new(0),
        })
    }

    pub(super) fn push(&self, fields: Fields, limit: usize) -> Result<(), SendError> {
        let mut state = self.state.lock();
        if state.len() >= limit {
            metrics::queue_full(&self.key);
            return Err(SendError::Full);
        }
        state.added += 1;
        let number = state.added;
        self.logs.tap.added(&self.key, || inspect::stream_entry(number, Instant::now(), &fields));
        state.ready.push_back(QueuedMessage { number, since: Instant::now(), fields, deliveries: 0 });
        drop(state);
        // All workers are notified, because one of them may never read again.
        self.changed.notify_waiters();
        Ok(())
    }

    pub(super) fn backlog(&self) -> usize {
        self.state.lock().len()
    }

    pub(super) fn stats(&self) -> StreamStats {
        let state = self.state.lock();
        let workers = Workers {
            consumers: self.workers_active.load(Ordering::Relaxed),
            pending: state.pending.len() as u64,
            redelivered: state.redelivered,
        };
        StreamStats {
            key: self.key.clone(),
            kind: StreamKind::Queue,
            length: state.len() as u64,
            added: state.added,
            oldest: state.messages().map(|message| message.since).min().map(|since| since.elapsed()),
            workers: Some(workers),
        }
    }

    /// The newest unacknowledged entries, oldest first.
    pub(super) fn newest(&self, count: usize) -> Vec<StreamEntry> {
        let state = self.state.lock();
        let by_number: BTreeMap<u64, &QueuedMessage> =
            state.messages().map(|message| (message.number, message)).collect();
        let newest = by_number.values().skip(by_number.len().saturating_sub(count));
        newest.map(|message| inspect::stream_entry(message.number, message.since, &message.fields)).collect()
    }

    fn dead_letter(&self, message: &QueuedMessage, error: &str) {
        if codec::is_canary(&message.fields) {
            return;
        }
        metrics::dead_lettered(&self.key);
        self.logs.add(Log::Dead, codec::dead_letter_line(&self.key, &message.fields, error));
    }

    /// The next message for this worker, or when to try again.
    fn take(
        self: &Arc<Self>,
        worker: u64,
        faults: &FaultInjector,
    ) -> Result<(Message, MemoryAck), Option<Instant>> {
        let mut state = self.state.lock();
        for message in state.requeue_overdue(&self.key) {
            self.dead_letter(&message, DELIVERIES_EXHAUSTED);
        }
        while let Some(mut queued) = state.ready.pop_front() {
            queued.deliveries += 1;
            let message = match codec::decode(&queued.fields, queued.since.elapsed()) {
                Ok(message) => message,
                Err(error) => {
                    self.dead_letter(&queued, &error.to_string());
                    continue;
                }
            };
            let (number, attempt) = (queued.number, queued.deliveries);
            state.redelivered += u64::from(attempt > 1);
            if state.pending.is_empty() {
                // The waiting workers have no time yet at which a message becomes overdue.
                self.changed.notify_waiters();
            }
            state.pending.insert(number, PendingMessage { message: queued, worker, since: Instant::now() });
            let ack = MemoryAck { stream: self.clone(), number, attempt, faults: faults.clone() };
            return Ok((message, ack));
        }
        Err(state.first_overdue())
    }

    /// Removes a message, whether it is ready or pending.
    fn remove(&self, number: u64) -> Option<QueuedMessage> {
        let mut state = self.state.lock();
        if let Some(pending) = state.pending.remove(&number) {
            return Some(pending.message);
        }
        let index = state.ready.iter().position(|message| message.number == number)?;
        state.ready.remove(index)
    }

    fn requeue_worker(&self, worker: u64) {
        let mut state = self.state.lock();
        let messages = state.remove_pending(|pending| pending.worker == worker);
        state.requeue_front(messages);
        drop(state);
        self.changed.notify_waiters();
    }
}

impl QueueState {
    fn len(&self) -> usize {
        self.ready.len() + self.pending.len()
    }

    fn messages(&self) -> impl Iterator<Item = &QueuedMessage> {
        self.ready.iter().chain(self.pending.values().map(|pending| &pending.message))
    }

    /// Makes overdue messages ready again. Returns those that were delivered too often for that.
    fn requeue_overdue(&mut self, key: &str) -> Vec<QueuedMessage> {
        let now = Instant::now();
        let overdue = self.remove_pending(|pending| pending.since + REDELIVER_AFTER <= now);
        let (again, dead): (Vec<_>, Vec<_>) =
            overdue.into_iter().partition(|message| message.deliveries < MAX_DELIVERIES);
        if !again.is_empty() {
            metrics::redelivered(key, again.len());
        }
        self.requeue_front(again);
        dead
    }

    fn remove_pending(&mut self, predicate: impl Fn(&PendingMessage) -> bool) -> Vec<QueuedMessage> {
        self.pending.extract_if(.., |_, pending| predicate(pending)).map(|(_, it)| it.message).collect()
    }

    fn requeue_front(&mut self, messages: Vec<QueuedMessage>) {
        for message in messages.into_iter().rev() {
            self.ready.push_front(message);
        }
    }

    fn first_overdue(&self) -> Option<Instant> {
        self.pending.values().map(|pending| pending.since + REDELIVER_AFTER).min()
    }
}

/// One worker of a queue.
pub struct MemoryWorker {
    stream: Arc<QueueStream>,
    number: u64,
    faults: FaultInjector,
}

impl MemoryWorker {
    pub(super) fn join(stream: Arc<QueueStream>, faults: FaultInjector) -> Self {
        let number = stream.workers_joined.fetch_add(1, Ordering::Relaxed);
        stream.workers_active.fetch_add(1, Ordering::Relaxed);
        Self { stream, number, faults }
    }

    pub(crate) async fn next(&mut self) -> (Message, MemoryAck) {
        loop {
            let changed = self.stream.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            self.faults.before_read().await;
            match self.stream.take(self.number, &self.faults) {
                Ok(delivery) => return delivery,
                Err(Some(overdue)) => tokio::select! {
                    biased;
                    () = changed => {}
                    () = sleep_until(overdue) => {}
                },
                Err(None) => changed.await,
            }
        }
    }

    pub(crate) fn leave(self) {
        self.stream.requeue_worker(self.number);
    }
}

impl Drop for MemoryWorker {
    fn drop(&mut self) {
        self.stream.workers_active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Finishes a delivery of the memory bus.
pub struct MemoryAck {
    stream: Arc<QueueStream>,
    number: u64,
    attempt: u32,
    faults: FaultInjector,
}

impl MemoryAck {
    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(crate) fn ack(self) {
        if !self.faults.drops("ack") {
            self.stream.remove(self.number);
        }
    }

    pub(crate) fn nack(self, error: &str) {
        if self.attempt < MAX_DELIVERIES || self.faults.drops("nack") {
            return;
        }
        if let Some(message) = self.stream.remove(self.number) {
            self.stream.dead_letter(&message, error);
        }
    }
}
