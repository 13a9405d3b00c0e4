//! What a worker has read and not yet handed out.
//!
//! The worker counts as *attending* while it waits in `next()`, and for a moment after: only then is
//! more read or taken over for it.

use super::Prefetched;
use crate::redis::reply::{EntryId, PendingEntry};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a worker may do something else before its shelf goes to the others.
const ACTIVE_WINDOW: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct PrefetchBuffer {
    state: Mutex<PrefetchState>,
    arrived: Notify,
    wanted: Notify,
}

#[derive(Default)]
struct PrefetchState {
    messages: VecDeque<Prefetched>,
    is_waiting: bool,
    last_polled: Option<Instant>,
}

impl PrefetchState {
    fn is_active(&self) -> bool {
        self.is_waiting || self.last_polled.is_some_and(|at| at.elapsed() < ACTIVE_WINDOW)
    }
}

impl PrefetchBuffer {
    /// The first message; waits for one.
    pub(super) async fn pop(&self) -> Prefetched {
        let _waiting = WaitGuard::begin(self);
        loop {
            if let Some(held) = self.state().messages.pop_front() {
                return held;
            }
            self.wanted.notify_one();
            self.arrived.notified().await;
        }
    }

    /// Until the shelf is empty and the worker waits.
    pub(super) async fn wait_until_wanted(&self) {
        loop {
            let wanted = self.wanted.notified();
            let is_wanted = {
                let state = self.state();
                state.is_waiting && state.messages.is_empty()
            };
            if is_wanted {
                return;
            }
            wanted.await;
        }
    }

    /// Adds new messages behind the others.
    pub(super) fn push_back(&self, new: Vec<Prefetched>) {
        self.state().messages.extend(new);
        self.arrived.notify_one();
    }

    /// Adds messages that are older than the others.
    pub(super) fn push_front(&self, old: Vec<Prefetched>) {
        let mut state = self.state();
        for held in old.into_iter().rev() {
            state.messages.push_front(held);
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Whether the worker would soon get to `room` more messages.
    pub(super) fn has_room(&self, room: usize) -> bool {
        let state = self.state();
        state.is_active() && state.messages.len() < room
    }

    /// What lies here.
    pub(super) fn ids(&self) -> Vec<EntryId> {
        self.state().messages.iter().map(|held| held.id).collect()
    }

    /// Takes everything away from a worker that does not attend.
    pub(super) fn take_if_inactive(&self) -> Vec<PendingEntry> {
        let mut state = self.state();
        if state.is_active() { Vec::new() } else { state.clear() }
    }

    /// Takes everything away.
    pub(super) fn clear(&self) -> Vec<PendingEntry> {
        self.state().clear()
    }

    fn state(&self) -> MutexGuard<'_, PrefetchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PrefetchState {
    /// What was never handed out does not count as delivered.
    fn clear(&mut self) -> Vec<PendingEntry> {
        self.messages
            .drain(..)
            .map(|held| PendingEntry { id: held.id, deliveries: held.attempt - 1 })
            .collect()
    }
}

/// A worker within `next()`; ends also when that is dropped.
struct WaitGuard<'s>(&'s PrefetchBuffer);

impl<'s> WaitGuard<'s> {
    fn begin(shelf: &'s PrefetchBuffer) -> Self {
        shelf.state().is_waiting = true;
        Self(shelf)
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_waiting = false;
        state.last_polled = Some(Instant::now());
    }
}
