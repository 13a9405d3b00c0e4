//! A mailbox on Redis. Three tasks serve the owner:
//!
//! - the *reader* blocks on the stream, behind its cursor, and hands on what it reads;
//! - the *keeper* renews the stream's life, and makes it anew where it has been flushed;
//! - the *trimmer* deletes what is done. Only the latest mark counts, so it keeps no more than one.
//!
//! The stream itself is the cursor: a next owner reads it from its beginning. When the keeper had to
//! make it anew, the *epoch* grows: the cursor and the marks of an earlier epoch mean nothing, since
//! a new Redis may count from lower ids. Who inherits from a dead owner (`left`) knows of no epoch:
//! nobody makes that mailbox anew.

mod keeper;
mod left;
mod reader;
mod trimmer;

pub(super) use keeper::OwnedMailboxes;

use super::RedisBus;
use super::connection::unavailable;
use super::reply::EntryId;
use crate::message::Message;
use crate::{MailboxOffset, SendError};
use keeper::TtlRenewer;
use reader::Reader;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use trimmer::Trimmer;

/// How many messages are read ahead of the owner.
const READ_AHEAD: usize = 128;

/// How often the stream has been found missing.
#[derive(Clone, Default)]
struct Epoch(Arc<AtomicU64>);

impl Epoch {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn begin(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// The place of an entry in the stream of this epoch.
fn offset_of(epoch: u64, EntryId(millis, number): EntryId) -> MailboxOffset {
    MailboxOffset { epoch, entry: (millis, number) }
}

/// The entry at a place.
fn entry_id(MailboxOffset { entry: (millis, number), .. }: MailboxOffset) -> EntryId {
    EntryId(millis, number)
}

/// The owner's end of a mailbox.
pub struct RedisMailbox {
    incoming: mpsc::Receiver<(MailboxOffset, Message)>,
    last: Option<MailboxOffset>,
    acked: watch::Sender<Option<MailboxOffset>>,
    tasks: [AbortHandle; 2],
}

impl RedisMailbox {
    pub(super) async fn open(bus: &RedisBus, key: String) -> Result<Self, SendError> {
        let epoch = Epoch::default();
        let keeper = TtlRenewer::new(bus, key.clone(), epoch.clone());
        keeper.renew().await.map_err(unavailable)?;
        let (sender, incoming) = mpsc::channel(READ_AHEAD);
        let (done, marks) = watch::channel(None);
        let reader = Reader::new(bus, key.clone(), epoch.clone(), sender);
        tokio::spawn(Trimmer::new(bus, key.clone(), epoch, marks).run());
        let tasks = [tokio::spawn(keeper.run()).abort_handle(), tokio::spawn(reader.run()).abort_handle()];
        bus.owned_mailboxes.add(key, tasks.clone());
        Ok(Self { incoming, last: None, acked: done, tasks })
    }

    pub(crate) async fn next(&mut self) -> Message {
        match self.incoming.recv().await {
            Some((mark, message)) => {
                self.last = Some(mark);
                message
            }
            // The mailbox was closed under its reader.
            None => std::future::pending().await,
        }
    }

    pub(crate) fn offset(&self) -> Option<MailboxOffset> {
        self.last
    }

    pub(crate) fn ack_through(&mut self, mark: MailboxOffset) {
        self.acked.send_if_modified(|done| {
            let is_later = done.is_none_or(|done| done < mark);
            if is_later {
                *done = Some(mark);
            }
            is_later
        });
    }
}

impl Drop for RedisMailbox {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}
