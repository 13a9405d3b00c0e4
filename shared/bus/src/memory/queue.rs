//! A queue of the memory bus: what nobody has taken, in order, and what workers hold.
//!
//! A message that a worker took and did not finish within
//! [`REDELIVER_AFTER`] goes back to the front; whoever waits next finds it
//! there. No task runs for this: waiting workers sleep until the first message is overdue.

use super::logs::Logs;
use super::{locked, peek};
use crate::entry::{self, Fields};
use crate::peek::Entry;
use crate::road::{self, RoadKind, Workers};
use crate::topic::Log;
use crate::{Delivery, MAX_DELIVERIES, NEVER_FINISHED, REDELIVER_AFTER, SendError, line, numbers};
use protocol::weather::Weather;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub(super) struct Road {
    key: String,
    state: Mutex<State>,
    changed: Notify,
    logs: Arc<Logs>,
    /// How many workers ever joined, and how many are here.
    workers: AtomicU64,
    here: AtomicU64,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Item>,
    taken: BTreeMap<u64, Taken>,
    added: u64,
    redelivered: u64,
}

struct Item {
    number: u64,
    since: Instant,
    fields: Fields,
    deliveries: u32,
}

struct Taken {
    item: Item,
    worker: u64,
    since: Instant,
}

impl Road {
    pub(super) fn new(key: String, logs: Arc<Logs>) -> Arc<Self> {
        let (state, changed, workers, here) = Default::default();
        Arc::new(Self { key, state, changed, logs, workers, here })
    }

    pub(super) fn push(&self, fields: Fields, bound: usize) -> Result<(), SendError> {
        let mut state = locked(&self.state);
        if state.len() >= bound {
            numbers::full(&self.key);
            return Err(SendError::Full);
        }
        state.added += 1;
        let number = state.added;
        self.logs.tap.added(&self.key, || peek::entry(number, Instant::now(), &fields));
        state.ready.push_back(Item { number, since: Instant::now(), fields, deliveries: 0 });
        drop(state);
        // Not only one: that one may be a worker that will never read again.
        self.changed.notify_waiters();
        Ok(())
    }

    pub(super) fn backlog(&self) -> usize {
        locked(&self.state).len()
    }

    pub(super) fn look(&self) -> road::Road {
        let State { ready, taken, added, redelivered } = &*locked(&self.state);
        let all = ready.iter().chain(taken.values().map(|taken| &taken.item));
        let oldest = all.map(|item| item.since).min().map(|since| since.elapsed());
        let (pending, length) = (taken.len() as u64, (ready.len() + taken.len()) as u64);
        let (consumers, redelivered) = (self.here.load(Ordering::Relaxed), *redelivered);
        let workers = Some(Workers { consumers, pending, redelivered });
        let (key, kind) = (self.key.clone(), RoadKind::Queue);
        road::Road { key, kind, length, added: *added, oldest, workers }
    }

    /// The newest of what is not done, oldest first.
    pub(super) fn newest(&self, count: usize) -> Vec<Entry> {
        let State { ready, taken, .. } = &*locked(&self.state);
        let all = ready.iter().chain(taken.values().map(|taken| &taken.item));
        let all: BTreeMap<u64, &Item> = all.map(|item| (item.number, item)).collect();
        let newest = all.values().skip(all.len().saturating_sub(count));
        newest.map(|item| peek::entry(item.number, item.since, &item.fields)).collect()
    }

    fn bury(&self, item: &Item, error: &str) {
        if entry::is_canary(&item.fields) {
            return;
        }
        numbers::buried(&self.key);
        self.logs.add(Log::Dead, line::of_dead(&self.key, &item.fields, error));
    }

    /// The next message for this worker, or when to look again.
    fn take(self: &Arc<Self>, worker: u64, weather: &Weather) -> Result<Delivery, Option<Instant>> {
        let mut state = locked(&self.state);
        for item in state.return_overdue(&self.key) {
            self.bury(&item, NEVER_FINISHED);
        }
        while let Some(mut item) = state.ready.pop_front() {
            item.deliveries += 1;
            let message = match entry::decode(&item.fields) {
                Ok(message) => message,
                Err(error) => {
                    self.bury(&item, &error.to_string());
                    continue;
                }
            };
            let (number, attempt) = (item.number, item.deliveries);
            state.redelivered += u64::from(attempt > 1);
            if state.taken.is_empty() {
                // Those who wait do not know yet that something can become overdue.
                self.changed.notify_waiters();
            }
            state.taken.insert(number, Taken { item, worker, since: Instant::now() });
            let receipt = Receipt { road: self.clone(), number, attempt, weather: weather.clone() };
            return Ok(Delivery { message, attempt, receipt: crate::ends::Receipt::Memory(receipt) });
        }
        Err(state.first_overdue())
    }

    /// Takes a message out, whoever has it now.
    fn remove(&self, number: u64) -> Option<Item> {
        let mut state = locked(&self.state);
        if let Some(taken) = state.taken.remove(&number) {
            return Some(taken.item);
        }
        let place = state.ready.iter().position(|item| item.number == number)?;
        state.ready.remove(place)
    }

    fn give_back(&self, worker: u64) {
        let mut state = locked(&self.state);
        let items = state.take_back(|taken| taken.worker == worker);
        state.put_first(items);
        drop(state);
        self.changed.notify_waiters();
    }
}

impl State {
    fn len(&self) -> usize {
        self.ready.len() + self.taken.len()
    }

    /// Puts back what is overdue; returns what has been delivered too often for that.
    fn return_overdue(&mut self, key: &str) -> Vec<Item> {
        let now = Instant::now();
        let overdue = self.take_back(|taken| taken.since + REDELIVER_AFTER <= now);
        let (again, dead): (Vec<Item>, Vec<Item>) =
            overdue.into_iter().partition(|item| item.deliveries < MAX_DELIVERIES);
        if !again.is_empty() {
            numbers::redelivered(key, again.len());
        }
        self.put_first(again);
        dead
    }

    fn take_back(&mut self, which: impl Fn(&Taken) -> bool) -> Vec<Item> {
        let numbers = self.taken.iter().filter(|(_, taken)| which(taken)).map(|(number, _)| *number);
        let numbers: Vec<u64> = numbers.collect();
        numbers.iter().filter_map(|number| self.taken.remove(number)).map(|taken| taken.item).collect()
    }

    fn put_first(&mut self, items: Vec<Item>) {
        for item in items.into_iter().rev() {
            self.ready.push_front(item);
        }
    }

    fn first_overdue(&self) -> Option<Instant> {
        self.taken.values().map(|taken| taken.since + REDELIVER_AFTER).min()
    }
}

/// One worker of a queue.
pub struct MemoryWorker {
    road: Arc<Road>,
    number: u64,
    weather: Weather,
}

impl MemoryWorker {
    pub(super) fn join(road: Arc<Road>, weather: Weather) -> Self {
        let number = road.workers.fetch_add(1, Ordering::Relaxed);
        road.here.fetch_add(1, Ordering::Relaxed);
        Self { road, number, weather }
    }

    pub(crate) async fn next(&mut self) -> Delivery {
        loop {
            let changed = self.road.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            self.weather.reading().await;
            match self.road.take(self.number, &self.weather) {
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
        self.road.give_back(self.number);
    }
}

impl Drop for MemoryWorker {
    fn drop(&mut self) {
        self.road.here.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What finishes a delivery of the memory bus.
pub struct Receipt {
    road: Arc<Road>,
    number: u64,
    attempt: u32,
    weather: Weather,
}

impl Receipt {
    pub(crate) fn done(self) {
        if !self.weather.loses("done") {
            self.road.remove(self.number);
        }
    }

    pub(crate) fn failed(self, error: &str) {
        if self.attempt < MAX_DELIVERIES || self.weather.loses("failed") {
            return;
        }
        if let Some(item) = self.road.remove(self.number) {
            self.road.bury(&item, error);
        }
    }
}
