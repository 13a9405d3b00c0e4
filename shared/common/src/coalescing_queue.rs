//! A write-behind queue: the latest value of each key waits to be written, and the writer takes many at once.
//!
//! A value is *pending* until the writer takes it, and *in flight* until the writer has finished. A value that is
//! submitted under a pending key takes over what the older one holds. A write that fails puts its value back,
//! behind a newer one of the same key. The queue holds one value a key, so the number of keys bounds it.

use crate::sync::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::Notify;

/// A value that can replace an older one that was not written.
pub trait Coalesce {
    /// Takes over from `older` what this value does not replace.
    fn merge_older(&mut self, older: Self);

    /// Whether the writer may take it.
    fn is_ready(&self) -> bool {
        true
    }

    /// Whether there is nothing to write and nothing to wait for.
    fn is_empty(&self) -> bool {
        false
    }
}

/// The queue; writer and users share it behind an `Arc`.
pub struct CoalescingQueue<K, V> {
    state: Mutex<State<K, V>>,
    work: Notify,
    progress: Notify,
}

struct State<K, V> {
    pending: BTreeMap<K, V>,
    in_flight: BTreeSet<K>,
}

impl<K, V> Default for CoalescingQueue<K, V> {
    fn default() -> Self {
        let state = State { pending: BTreeMap::new(), in_flight: BTreeSet::new() };
        Self { state: Mutex::new(state), work: Notify::new(), progress: Notify::new() }
    }
}

impl<K: Copy + Ord, V: Coalesce> CoalescingQueue<K, V> {
    /// Queues a value; an older one of its key that is still pending is merged into it.
    pub fn submit(&self, key: K, mut value: V) {
        let mut state = self.state.lock();
        if let Some(older) = state.pending.remove(&key) {
            value.merge_older(older);
        }
        state.insert(key, value, self);
    }

    /// Changes the pending value of a key. Where there is none, changes the default value and queues it.
    pub fn update(&self, key: K, change: impl FnOnce(&mut V))
    where
        V: Default,
    {
        let mut state = self.state.lock();
        let mut value = state.pending.remove(&key).unwrap_or_default();
        change(&mut value);
        state.insert(key, value, self);
    }

    /// Removes and returns the pending value of a key.
    pub fn remove(&self, key: K) -> Option<V> {
        let removed = self.state.lock().pending.remove(&key);
        self.progress.notify_waiters();
        removed
    }

    /// How many values are pending.
    pub fn pending(&self) -> usize {
        self.state.lock().pending.len()
    }

    /// Waits until the writer has something to do.
    pub async fn work(&self) {
        self.work.notified().await;
    }

    /// Wakes the writer.
    pub fn wake(&self) {
        self.work.notify_one();
    }

    /// Takes every value that is ready. The taken values are in flight until [`finish`](Self::finish).
    pub fn take_ready(&self) -> BTreeMap<K, V> {
        let mut state = self.state.lock();
        let taken: BTreeMap<K, V> = state.pending.extract_if(.., |_, value| value.is_ready()).collect();
        state.in_flight.extend(taken.keys());
        taken
    }

    /// Puts back a value whose write failed, or merges it into a newer one. Does not wake the writer.
    pub fn put_back(&self, key: K, value: V) {
        let mut state = self.state.lock();
        match state.pending.get_mut(&key) {
            Some(newer) => newer.merge_older(value),
            None => drop(state.pending.insert(key, value)),
        }
    }

    /// Marks all taken values as finished: each was written or put back.
    pub fn finish(&self) {
        self.state.lock().in_flight.clear();
        self.progress.notify_waiters();
    }

    /// Waits until a key is neither pending nor in flight.
    pub async fn written(&self, key: K) {
        self.wait_until(|state| !state.pending.contains_key(&key) && !state.in_flight.contains(&key)).await;
    }

    /// Waits until nothing is pending or in flight.
    pub async fn flushed(&self) {
        self.wait_until(|state| state.pending.is_empty() && state.in_flight.is_empty()).await;
    }

    async fn wait_until(&self, is_done: impl Fn(&State<K, V>) -> bool) {
        loop {
            // Created before the check, so that no notification is missed.
            let progress = self.progress.notified();
            if is_done(&self.state.lock()) {
                return;
            }
            progress.await;
        }
    }
}

impl<K: Ord, V: Coalesce> State<K, V> {
    fn insert(&mut self, key: K, value: V, queue: &CoalescingQueue<K, V>) {
        if value.is_empty() {
            return queue.progress.notify_waiters();
        }
        if value.is_ready() {
            queue.work.notify_one();
        }
        self.pending.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    /// Texts to write; not ready while `blocked`.
    #[derive(Debug, Default, PartialEq)]
    struct Texts {
        texts: Vec<&'static str>,
        blocked: bool,
    }

    impl Coalesce for Texts {
        fn merge_older(&mut self, older: Self) {
            self.texts.splice(..0, older.texts);
        }

        fn is_ready(&self) -> bool {
            !self.blocked
        }

        fn is_empty(&self) -> bool {
            !self.blocked && self.texts.is_empty()
        }
    }

    fn text(text: &'static str) -> Texts {
        Texts { texts: vec![text], blocked: false }
    }

    fn is_done(future: impl Future<Output = ()>) -> bool {
        pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_newer_value_takes_over_the_older_one() {
        let queue = CoalescingQueue::default();
        queue.submit(1, text("a"));
        queue.submit(1, text("b"));
        queue.submit(2, text("c"));
        assert!(is_done(queue.work()));
        let taken = queue.take_ready();
        assert_eq!((&taken[&1].texts[..], &taken[&2].texts[..]), (&["a", "b"][..], &["c"][..]));
        assert_eq!(queue.pending(), 0);
    }

    #[test]
    fn a_failed_value_is_merged_into_a_newer_one() {
        let queue = CoalescingQueue::default();
        queue.submit(1, text("a"));
        let failed = queue.take_ready().remove(&1).unwrap();
        queue.submit(1, text("b"));
        queue.put_back(1, failed);
        queue.finish();
        assert!(!is_done(queue.written(1)));
        assert_eq!(queue.take_ready()[&1].texts, ["a", "b"]);
    }

    #[test]
    fn a_key_is_written_when_it_is_neither_pending_nor_in_flight() {
        let queue = CoalescingQueue::default();
        queue.submit(1, text("a"));
        queue.submit(2, text("b"));
        assert!(!is_done(queue.written(1)) && is_done(queue.written(3)));
        drop(queue.take_ready());
        assert!(!is_done(queue.written(1)));
        queue.finish();
        assert!(is_done(queue.written(1)) && is_done(queue.flushed()));
    }

    #[test]
    fn values_wait_until_they_are_ready_and_go_when_they_are_empty() {
        let queue = CoalescingQueue::<u8, Texts>::default();
        queue.update(1, |value| value.blocked = true);
        assert!(!is_done(queue.work()) && queue.take_ready().is_empty() && !is_done(queue.flushed()));
        queue.update(1, |value| value.texts.push("a"));
        assert!(queue.take_ready().is_empty());
        queue.update(1, |value| value.blocked = false);
        assert!(is_done(queue.work()));
        assert_eq!(queue.take_ready().len(), 1);
        queue.finish();
        queue.update(1, |value| value.blocked = true);
        queue.update(1, |value| value.blocked = false);
        assert!(is_done(queue.flushed()));
    }

    #[test]
    fn a_removed_value_is_not_written() {
        let queue = CoalescingQueue::default();
        queue.submit(1, text("a"));
        assert_eq!(queue.remove(1), Some(text("a")));
        assert!(queue.take_ready().is_empty() && is_done(queue.flushed()));
    }
}
