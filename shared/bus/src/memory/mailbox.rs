//! A mailbox of the memory bus: numbered messages, and a cursor in each reader.
//!
//! Acknowledged messages are trimmed, so the next reader, which starts at the front, continues behind them.

use super::fan_out::Logs;
use super::inspect;
use crate::ack_tracker::MailboxOffset;
use crate::codec::{self, Fields};
use crate::error::SendError;
use crate::inspect::{StreamEntry, StreamKind, StreamStats};
use crate::message::Message;
use crate::metrics;
use crate::topic::{Log, MAILBOX_TTL};
use common::fault::FaultInjector;
use common::sync::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
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
    /// The number of the front entry, which is also how many were trimmed.
    first: u64,
    owners: u64,
    /// When the last owner left.
    orphaned: Option<Instant>,
}

impl MailboxStream {
    pub(super) fn new(key: String, logs: Arc<Logs>) -> Arc<Self> {
        Arc::new(Self { key, state: Mutex::default(), changed: Notify::new(), logs })
    }

    pub(super) fn push(&self, fields: Fields, limit: usize) -> Result<(), SendError> {
        let mut state = self.state.lock();
        if state.entries.len() >= limit {
            metrics::queue_full(&self.key);
            return Err(SendError::Full);
        }
        let number = state.first + state.entries.len() as u64;
        self.logs.tap.added(&self.key, || inspect::stream_entry(number, Instant::now(), &fields));
        state.entries.push_back((Instant::now(), fields));
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    pub(super) fn backlog(&self) -> usize {
        self.state.lock().entries.len()
    }

    pub(super) fn stats(&self) -> StreamStats {
        let MailboxState { entries, first, .. } = &*self.state.lock();
        let length = entries.len() as u64;
        StreamStats {
            key: self.key.clone(),
            kind: StreamKind::Mailbox,
            length,
            added: first + length,
            oldest: entries.front().map(|(since, _)| since.elapsed()),
            workers: None,
        }
    }

    /// The newest unacknowledged entries, oldest first.
    pub(super) fn newest(&self, count: usize) -> Vec<StreamEntry> {
        let MailboxState { entries, first, .. } = &*self.state.lock();
        let newest = (*first..).zip(entries).skip(entries.len().saturating_sub(count));
        newest.map(|(number, (since, fields))| inspect::stream_entry(number, *since, fields)).collect()
    }

    pub(super) fn is_expired(&self) -> bool {
        self.state.lock().orphaned.is_some_and(|since| since.elapsed() > MAILBOX_TTL)
    }

    /// The first message from this number on, and the number behind it. Malformed entries go to the dead log.
    fn read(&self, mut number: u64) -> Option<(Message, u64)> {
        let state = self.state.lock();
        number = number.max(state.first);
        while let Some((since, fields)) = state.entries.get((number - state.first) as usize) {
            number += 1;
            match codec::decode(fields, since.elapsed()) {
                Ok(message) => return Some((message, number)),
                Err(error) => {
                    metrics::dead_lettered(&self.key);
                    let line = codec::dead_letter_line(&self.key, fields, &error.to_string());
                    self.logs.add(Log::Dead, line);
                }
            }
        }
        None
    }

    /// All messages behind an offset. Malformed entries are left to the owner.
    pub(super) fn undelivered(&self, after: Option<MailboxOffset>) -> Vec<(MailboxOffset, Message)> {
        let state = self.state.lock();
        let skipped = after.map_or(0, |after| after.entry.1 + 1).saturating_sub(state.first);
        (state.first..)
            .zip(&state.entries)
            .skip(skipped as usize)
            .filter_map(|(number, (since, fields))| {
                Some((offset_at(number), codec::decode(fields, since.elapsed()).ok()?))
            })
            .collect()
    }

    fn trim(&self, below: u64) {
        let mut state = self.state.lock();
        let count = below.saturating_sub(state.first).min(state.entries.len() as u64);
        state.entries.drain(..count as usize);
        state.first += count;
    }
}

/// Reads a mailbox, for its owner.
pub struct MemoryMailbox {
    stream: Arc<MailboxStream>,
    cursor: u64,
    last: Option<MailboxOffset>,
    faults: FaultInjector,
}

impl MemoryMailbox {
    pub(super) fn open(stream: Arc<MailboxStream>, faults: FaultInjector) -> Self {
        let mut state = stream.state.lock();
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

    pub(crate) fn ack_through(&mut self, offset: MailboxOffset) {
        if !self.faults.drops("ack_through") {
            self.stream.trim(offset.entry.1 + 1);
        }
    }
}

impl Drop for MemoryMailbox {
    fn drop(&mut self) {
        let mut state = self.stream.state.lock();
        state.owners -= 1;
        if state.owners == 0 {
            state.orphaned = Some(Instant::now());
        }
    }
}

/// The offset of the entry with this number.
fn offset_at(number: u64) -> MailboxOffset {
    MailboxOffset { epoch: 0, entry: (0, number) }
}
