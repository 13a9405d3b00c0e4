//! The messages that a worker has read and not yet returned by `next()`.
//!
//! The worker is *active* while it waits in `next()`, and for [`ACTIVE_WINDOW`] after. Only for an active worker are
//! messages read or reclaimed.

use super::acker::{AckCommand, AckSender};
use crate::codec::Fields;
use crate::message::Message;
use crate::redis::parse::{EntryId, PendingEntry, RawEntry};
use common::sync::Mutex;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A worker that does not call `next()` for longer loses its prefetched messages to other workers.
const ACTIVE_WINDOW: Duration = Duration::from_secs(1);

/// A message that is pending for this worker.
pub(super) struct Prefetched {
    pub(super) id: EntryId,
    pub(super) fields: Fields,
    pub(super) message: Message,
    pub(super) attempt: u32,
}

impl Prefetched {
    /// Decodes an entry. A malformed one goes to the dead log.
    pub(super) fn decode(entry: RawEntry, attempt: u32, ack_sender: &AckSender) -> Option<Self> {
        let decoded = entry.decode();
        let RawEntry { id, fields } = entry;
        match decoded {
            Ok(message) => Some(Self { id, fields, message, attempt }),
            Err(error) => {
                ack_sender.try_send(AckCommand::DeadLetter { id, fields, error: error.to_string() });
                None
            }
        }
    }
}

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

    /// Empties the buffer. These messages were never returned, so this delivery does not count.
    fn drain(&mut self) -> Vec<PendingEntry> {
        let unread = self.messages.drain(..);
        unread.map(|message| PendingEntry { id: message.id, deliveries: message.attempt - 1 }).collect()
    }
}

impl PrefetchBuffer {
    /// Waits for the first message.
    pub(super) async fn pop(&self) -> Prefetched {
        let _guard = WaitGuard::new(self);
        loop {
            if let Some(message) = self.state.lock().messages.pop_front() {
                return message;
            }
            self.wanted.notify_one();
            self.arrived.notified().await;
        }
    }

    /// Waits until the buffer is empty and the worker waits.
    pub(super) async fn wait_until_wanted(&self) {
        loop {
            let wanted = self.wanted.notified();
            let is_wanted = {
                let state = self.state.lock();
                state.is_waiting && state.messages.is_empty()
            };
            if is_wanted {
                return;
            }
            wanted.await;
        }
    }

    /// Adds messages behind the others.
    pub(super) fn push_back(&self, new: Vec<Prefetched>) {
        self.state.lock().messages.extend(new);
        self.arrived.notify_one();
    }

    /// Adds messages that are older than the others.
    pub(super) fn push_front(&self, old: Vec<Prefetched>) {
        let mut state = self.state.lock();
        for message in old.into_iter().rev() {
            state.messages.push_front(message);
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Returns whether the worker is active and has fewer than `capacity` messages.
    pub(super) fn has_room(&self, capacity: usize) -> bool {
        let state = self.state.lock();
        state.is_active() && state.messages.len() < capacity
    }

    pub(super) fn ids(&self) -> Vec<EntryId> {
        self.state.lock().messages.iter().map(|message| message.id).collect()
    }

    /// Empties the buffer of a worker that is not active.
    pub(super) fn take_if_inactive(&self) -> Vec<PendingEntry> {
        let mut state = self.state.lock();
        if state.is_active() { Vec::new() } else { state.drain() }
    }

    /// Empties the buffer.
    pub(super) fn drain(&self) -> Vec<PendingEntry> {
        self.state.lock().drain()
    }
}

/// Marks the worker as waiting, until it is dropped, also with a dropped `next()`.
struct WaitGuard<'b>(&'b PrefetchBuffer);

impl<'b> WaitGuard<'b> {
    fn new(buffer: &'b PrefetchBuffer) -> Self {
        buffer.state.lock().is_waiting = true;
        Self(buffer)
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.is_waiting = false;
        state.last_polled = Some(Instant::now());
    }
}
