//! What a worker has read and not yet handed out.
//!
//! The worker counts as *attending* while it waits in `next()`, and for a moment after: only then is
//! more read or taken over for it.

use super::Held;
use crate::redis::reply::{EntryId, Pending};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a worker may do something else before its shelf goes to the others.
const ATTENTION: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Shelf {
    state: Mutex<State>,
    arrived: Notify,
    wanted: Notify,
}

#[derive(Default)]
struct State {
    held: VecDeque<Held>,
    is_waiting: bool,
    last_asked: Option<Instant>,
}

impl State {
    fn is_attended(&self) -> bool {
        self.is_waiting || self.last_asked.is_some_and(|at| at.elapsed() < ATTENTION)
    }
}

impl Shelf {
    /// The first message; waits for one.
    pub(super) async fn take(&self) -> Held {
        let _waiting = Waiting::begin(self);
        loop {
            if let Some(held) = self.state().held.pop_front() {
                return held;
            }
            self.wanted.notify_one();
            self.arrived.notified().await;
        }
    }

    /// Until the shelf is empty and the worker waits.
    pub(super) async fn wanted(&self) {
        loop {
            let wanted = self.wanted.notified();
            let is_wanted = {
                let state = self.state();
                state.is_waiting && state.held.is_empty()
            };
            if is_wanted {
                return;
            }
            wanted.await;
        }
    }

    /// Adds new messages behind the others.
    pub(super) fn add(&self, new: Vec<Held>) {
        self.state().held.extend(new);
        self.arrived.notify_one();
    }

    /// Adds messages that are older than the others.
    pub(super) fn add_first(&self, old: Vec<Held>) {
        let mut state = self.state();
        for held in old.into_iter().rev() {
            state.held.push_front(held);
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Whether the worker would soon get to `room` more messages.
    pub(super) fn has_room(&self, room: usize) -> bool {
        let state = self.state();
        state.is_attended() && state.held.len() < room
    }

    /// What lies here.
    pub(super) fn ids(&self) -> Vec<EntryId> {
        self.state().held.iter().map(|held| held.id).collect()
    }

    /// Takes everything away from a worker that does not attend.
    pub(super) fn unattended(&self) -> Vec<Pending> {
        let mut state = self.state();
        if state.is_attended() { Vec::new() } else { state.clear() }
    }

    /// Takes everything away.
    pub(super) fn clear(&self) -> Vec<Pending> {
        self.state().clear()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What was never handed out does not count as delivered.
    fn clear(&mut self) -> Vec<Pending> {
        self.held.drain(..).map(|held| Pending { id: held.id, deliveries: held.attempt - 1 }).collect()
    }
}

/// A worker within `next()`; ends also when that is dropped.
struct Waiting<'s>(&'s Shelf);

impl<'s> Waiting<'s> {
    fn begin(shelf: &'s Shelf) -> Self {
        shelf.state().is_waiting = true;
        Self(shelf)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_waiting = false;
        state.last_asked = Some(Instant::now());
    }
}
