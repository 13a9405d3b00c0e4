//! A queue of the memory bus: what nobody has taken, in order, and what workers hold.
//!
//! A message that a worker took and did not finish within
//! [`REDELIVER_AFTER`] goes back to the front; whoever waits next finds it
//! there. No task runs for this: waiting workers sleep until the first message is overdue.

use super::logs::Logs;
use super::{locked, peek};
use crate::codec::{self, Fields};
use crate::entries::StreamEntry;
use crate::streams::{self, StreamKind, Workers};
use crate::topic::Log;
use crate::{DELIVERIES_EXHAUSTED, Delivery, MAX_DELIVERIES, REDELIVER_AFTER, SendError, line, metrics};
use common::fault::FaultInjector;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub(super) struct QueueStream {
    key: String,
    state: Mutex<QueueState>,
    changed: Notify,
    logs: Arc<Logs>,
    /// How many workers ever joined, and how many are here.
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
    item: QueuedMessage,
    worker: u64,
    since: Instant,
}

impl QueueStream {
    pub(super) fn new(key: String, logs: Arc<Logs>) -> Arc<Self> {
        let (state, changed, workers, here) = Default::default();
        Arc::new(Self { key, state, changed, logs, workers_joined: workers, workers_active: here })
    }

    pub(super) fn push(&self, fields: Fields, bound: usize) -> Result<(), SendError> {
        let mut state = locked(&self.state);
        if state.len() >= bound {
            metrics::queue_full(&self.key);
            return Err(SendError::Full);
        }
        state.added += 1;
        let number = state.added;
        self.logs.tap.added(&self.key, || peek::stream_entry(number, Instant::now(), &fields));
        state.ready.push_back(QueuedMessage { number, since: Instant::now(), fields, deliveries: 0 });
        drop(state);
        // Not only one: that one may be a worker that will never read again.
        self.changed.notify_waiters();
        Ok(())
    }

    pub(super) fn backlog(&self) -> usize {
        locked(&self.state).len()
    }

    pub(super) fn stats(&self) -> streams::StreamStats {
        let QueueState { ready, pending: taken, added, redelivered } = &*locked(&self.state);
        let all = ready.iter().chain(taken.values().map(|taken| &taken.item));
        let oldest = all.map(|item| item.since).min().map(|since| since.elapsed());
        let (pending, length) = (taken.len() as u64, (ready.len() + taken.len()) as u64);
        let (consumers, redelivered) = (self.workers_active.load(Ordering::Relaxed), *redelivered);
        let workers = Some(Workers { consumers, pending, redelivered });
        let (key, kind) = (self.key.clone(), StreamKind::Queue);
        streams::StreamStats { key, kind, length, added: *added, oldest, workers }
    }

    /// The newest of what is not done, oldest first.
    pub(super) fn newest(&self, count: usize) -> Vec<StreamEntry> {
        let QueueState { ready, pending: taken, .. } = &*locked(&self.state);
        let all = ready.iter().chain(taken.values().map(|taken| &taken.item));
        let all: BTreeMap<u64, &QueuedMessage> = all.map(|item| (item.number, item)).collect();
        let newest = all.values().skip(all.len().saturating_sub(count));
        newest.map(|item| peek::stream_entry(item.number, item.since, &item.fields)).collect()
    }

    fn dead_letter(&self, item: &QueuedMessage, error: &str) {
        if codec::is_canary(&item.fields) {
            return;
        }
        metrics::dead_lettered(&self.key);
        self.logs.add(Log::Dead, line::from_dead_letter(&self.key, &item.fields, error));
    }

    /// The next message for this worker, or when to look again.
    fn take(self: &Arc<Self>, worker: u64, weather: &FaultInjector) -> Result<Delivery, Option<Instant>> {
        let mut state = locked(&self.state);
        for item in state.requeue_overdue(&self.key) {
            self.dead_letter(&item, DELIVERIES_EXHAUSTED);
        }
        while let Some(mut item) = state.ready.pop_front() {
            item.deliveries += 1;
            let message = match codec::decode(&item.fields) {
                Ok(message) => message,
                Err(error) => {
                    self.dead_letter(&item, &error.to_string());
                    continue;
                }
            };
            let (number, attempt) = (item.number, item.deliveries);
            state.redelivered += u64::from(attempt > 1);
            if state.pending.is_empty() {
                // Those who wait do not know yet that something can become overdue.
                self.changed.notify_waiters();
            }
            state.pending.insert(number, PendingMessage { item, worker, since: Instant::now() });
            let receipt = MemoryAck { stream: self.clone(), number, attempt, faults: weather.clone() };
            return Ok(Delivery { message, attempt, ack_handle: crate::ends::AckHandle::Memory(receipt) });
        }
        Err(state.first_overdue())
    }

    /// Takes a message out, whoever has it now.
    fn remove(&self, number: u64) -> Option<QueuedMessage> {
        let mut state = locked(&self.state);
        if let Some(taken) = state.pending.remove(&number) {
            return Some(taken.item);
        }
        let place = state.ready.iter().position(|item| item.number == number)?;
        state.ready.remove(place)
    }

    fn requeue_worker(&self, worker: u64) {
        let mut state = locked(&self.state);
        let items = state.remove_pending(|taken| taken.worker == worker);
        state.requeue_front(items);
        drop(state);
        self.changed.notify_waiters();
    }
}

impl QueueState {
    fn len(&self) -> usize {
        self.ready.len() + self.pending.len()
    }

    /// Puts back what is overdue; returns what has been delivered too often for that.
    fn requeue_overdue(&mut self, key: &str) -> Vec<QueuedMessage> {
        let now = Instant::now();
        let overdue = self.remove_pending(|taken| taken.since + REDELIVER_AFTER <= now);
        let (again, dead): (Vec<QueuedMessage>, Vec<QueuedMessage>) =
            overdue.into_iter().partition(|item| item.deliveries < MAX_DELIVERIES);
        if !again.is_empty() {
            metrics::redelivered(key, again.len());
        }
        self.requeue_front(again);
        dead
    }

    fn remove_pending(&mut self, which: impl Fn(&PendingMessage) -> bool) -> Vec<QueuedMessage> {
        let numbers = self.pending.iter().filter(|(_, taken)| which(taken)).map(|(number, _)| *number);
        let numbers: Vec<u64> = numbers.collect();
        numbers.iter().filter_map(|number| self.pending.remove(number)).map(|taken| taken.item).collect()
    }

    fn requeue_front(&mut self, items: Vec<QueuedMessage>) {
        for item in items.into_iter().rev() {
            self.ready.push_front(item);
        }
    }

    fn first_overdue(&self) -> Option<Instant> {
        self.pending.values().map(|taken| taken.since + REDELIVER_AFTER).min()
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

    pub(crate) async fn next(&mut self) -> Delivery {
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

/// What finishes a delivery of the memory bus.
pub struct MemoryAck {
    stream: Arc<QueueStream>,
    number: u64,
    attempt: u32,
    faults: FaultInjector,
}

impl MemoryAck {
    pub(crate) fn ack(self) {
        if !self.faults.drops("done") {
            self.stream.remove(self.number);
        }
    }

    pub(crate) fn nack(self, error: &str) {
        if self.attempt < MAX_DELIVERIES || self.faults.drops("failed") {
            return;
        }
        if let Some(item) = self.stream.remove(self.number) {
            self.stream.dead_letter(&item, error);
        }
    }
}
