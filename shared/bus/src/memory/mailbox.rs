//! A mailbox of the memory bus: messages with running numbers, and a cursor in each reader.
//!
//! What is done is trimmed, so a next reader, which starts at the front, goes on behind it.

use super::logs::Logs;
use super::{locked, peek};
use crate::codec::{self, Fields};
use crate::entries::StreamEntry;
use crate::message::Message;
use crate::streams::{self, StreamKind};
use crate::topic::Log;
use crate::{MAILBOX_TTL, MailboxOffset, SendError, line, metrics};
use common::fault::FaultInjector;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio::time::Instant;

pub(super) struct MailboxStream {
    key: String,
    state: Mutex<MailboxState>,
    changed: Notify,
    logs: Arc<Logs>,
}

#[derive(Default)]
struct MailboxState {
    entries: VecDeque<(Instant, Fields)>,
    /// The number of the front entry: how many have been trimmed.
    first: u64,
    owners: u64,
    /// Since when the last owner has been gone.
    orphaned: Option<Instant>,
}

impl MailboxStream {
    pub(super) fn new(key: String, logs: Arc<Logs>) -> Arc<Self> {
        let (state, changed) = Default::default();
        Arc::new(Self { key, state, changed, logs })
    }

    pub(super) fn push(&self, fields: Fields, bound: usize) -> Result<(), SendError> {
        let mut state = locked(&self.state);
        if state.entries.len() >= bound {
            metrics::queue_full(&self.key);
            return Err(SendError::Full);
        }
        let number = state.first + state.entries.len() as u64;
        self.logs.tap.added(&self.key, || peek::stream_entry(number, Instant::now(), &fields));
        state.entries.push_back((Instant::now(), fields));
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    pub(super) fn backlog(&self) -> usize {
        locked(&self.state).entries.len()
    }

    pub(super) fn stats(&self) -> streams::StreamStats {
        let MailboxState { entries, first, .. } = &*locked(&self.state);
        let length = entries.len() as u64;
        let oldest = entries.front().map(|(since, _)| since.elapsed());
        let (key, kind) = (self.key.clone(), StreamKind::Mailbox);
        streams::StreamStats { key, kind, length, added: first + length, oldest, workers: None }
    }

    /// The newest of what is not done, oldest first.
    pub(super) fn newest(&self, count: usize) -> Vec<StreamEntry> {
        let MailboxState { entries, first, .. } = &*locked(&self.state);
        let newest = (*first..).zip(entries).skip(entries.len().saturating_sub(count));
        newest.map(|(number, (since, fields))| peek::stream_entry(number, *since, fields)).collect()
    }

    pub(super) fn is_expired(&self) -> bool {
        locked(&self.state).orphaned.is_some_and(|since| since.elapsed() > MAILBOX_TTL)
    }

    /// The message at this number, and the number behind it.
    fn read(&self, mut number: u64) -> Option<(Message, u64)> {
        let state = locked(&self.state);
        number = number.max(state.first);
        while let Some((_, fields)) = state.entries.get((number - state.first) as usize) {
            number += 1;
            match codec::decode(fields) {
                Ok(message) => return Some((message, number)),
                Err(error) => {
                    metrics::dead_lettered(&self.key);
                    self.logs.add(Log::Dead, line::from_dead_letter(&self.key, fields, &error.to_string()));
                }
            }
        }
        None
    }

    /// Everything behind a mark. What makes no sense is left to the owner.
    pub(super) fn undelivered(&self, after: Option<MailboxOffset>) -> Vec<(MailboxOffset, Message)> {
        let state = locked(&self.state);
        let gone_by = after.map_or(0, |after| after.entry.1 + 1).saturating_sub(state.first);
        let left = (state.first..).zip(&state.entries).skip(gone_by as usize);
        left.filter_map(|(number, (_, fields))| Some((offset_at(number), codec::decode(fields).ok()?)))
            .collect()
    }

    fn trim(&self, below: u64) {
        let mut state = locked(&self.state);
        let count = below.saturating_sub(state.first).min(state.entries.len() as u64);
        state.entries.drain(..count as usize);
        state.first += count;
    }
}

/// The owner's end of a mailbox.
pub struct MemoryMailbox {
    stream: Arc<MailboxStream>,
    cursor: u64,
    last: Option<MailboxOffset>,
    faults: FaultInjector,
}

impl MemoryMailbox {
    pub(super) fn open(stream: Arc<MailboxStream>, faults: FaultInjector) -> Self {
        let mut state = locked(&stream.state);
        state.owners += 1;
        state.orphaned = None;
        let cursor = state.first;
        drop(state);
        Self { stream, cursor, last: None, faults }
    }

    pub(crate) async fn next(&mut self) -> Message {
        loop {
            let changed = self.stream.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            self.faults.before_read().await;
            if let Some((message, cursor)) = self.stream.read(self.cursor) {
                self.cursor = cursor;
                self.last = Some(offset_at(cursor - 1));
                return message;
            }
            changed.await;
        }
    }

    pub(crate) fn offset(&self) -> Option<MailboxOffset> {
        self.last
    }

    pub(crate) fn ack_through(&mut self, mark: MailboxOffset) {
        if !self.faults.drops("done_until") {
            self.stream.trim(mark.entry.1 + 1);
        }
    }
}

impl Drop for MemoryMailbox {
    fn drop(&mut self) {
        let mut state = locked(&self.stream.state);
        state.owners -= 1;
        if state.owners == 0 {
            state.orphaned = Some(Instant::now());
        }
    }
}

/// The place of the entry with this number.
fn offset_at(number: u64) -> MailboxOffset {
    MailboxOffset { epoch: 0, entry: (0, number) }
}
