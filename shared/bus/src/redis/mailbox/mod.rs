//! A mailbox on Redis. Three tasks serve its owner:
//!
//! - the *reader* blocks on the stream, behind its cursor, and forwards what it reads;
//! - the *TTL renewer* renews the TTL of the stream, and creates it again when a flush has removed it;
//! - the *trimmer* deletes acknowledged messages. Only the greatest offset counts, so it stores one.
//!
//! No cursor is stored: the next owner reads the stream from its beginning. When the stream is created again, the
//! *epoch* grows, because a new Redis may assign lower ids. The cursor and all offsets of earlier epochs are then
//! invalid. [`read_undelivered`] needs no epoch: the mailbox of a dead owner is not created again.

mod tasks;

use super::context::{Context, PAGE_SIZE, unavailable};
use super::parse::{self, EntryId};
use crate::ack_tracker::MailboxOffset;
use crate::error::SendError;
use crate::message::Message;
use ::redis::cmd;
use common::sync::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tasks::{Epoch, READ_AHEAD, StreamReader, Trimmer, TtlRenewer};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// Reads a mailbox, for its owner.
pub struct RedisMailbox {
    incoming: mpsc::Receiver<(MailboxOffset, Message)>,
    last: Option<MailboxOffset>,
    acked: watch::Sender<Option<MailboxOffset>>,
    tasks: [AbortHandle; 2],
}

impl RedisMailbox {
    pub(super) async fn open(
        context: &Context,
        owned: &OwnedMailboxes,
        key: String,
    ) -> Result<Self, SendError> {
        let epoch = Epoch::default();
        let renewer = TtlRenewer::new(context, key.clone(), epoch.clone());
        renewer.renew().await.map_err(unavailable)?;
        let (sender, incoming) = mpsc::channel(READ_AHEAD);
        let (acked, offsets) = watch::channel(None);
        let reader = StreamReader::new(context, key.clone(), epoch.clone(), sender);
        tokio::spawn(Trimmer::new(context, key.clone(), epoch, offsets).run());
        let tasks = [tokio::spawn(renewer.run()).abort_handle(), tokio::spawn(reader.run()).abort_handle()];
        owned.add(key, tasks.clone());
        Ok(Self { incoming, last: None, acked, tasks })
    }

    pub(crate) async fn next(&mut self) -> Message {
        match self.incoming.recv().await {
            Some((offset, message)) => {
                self.last = Some(offset);
                message
            }
            // The mailbox was closed.
            None => std::future::pending().await,
        }
    }

    pub(crate) fn offset(&self) -> Option<MailboxOffset> {
        self.last
    }

    pub(crate) fn ack_through(&mut self, offset: MailboxOffset) {
        self.acked.send_if_modified(|acked| {
            let is_later = acked.is_none_or(|acked| acked < offset);
            if is_later {
                *acked = Some(offset);
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

/// The tasks of the mailboxes that this process owns, so that closing a mailbox stops those that would create it again.
#[derive(Clone, Default)]
pub(super) struct OwnedMailboxes {
    tasks: Arc<Mutex<HashMap<String, [AbortHandle; 2]>>>,
}

impl OwnedMailboxes {
    fn add(&self, key: String, tasks: [AbortHandle; 2]) {
        let mut owned = self.tasks.lock();
        owned.retain(|_, running| !running.iter().all(AbortHandle::is_finished));
        owned.insert(key, tasks);
    }

    pub(super) fn remove(&self, key: &str) {
        let tasks = self.tasks.lock().remove(key);
        tasks.iter().flatten().for_each(AbortHandle::abort);
    }
}

/// Reads the messages of a mailbox behind an offset and leaves them there, for a service that does not own it.
pub(super) async fn read_undelivered(
    context: &Context,
    key: &str,
    after: Option<MailboxOffset>,
) -> Result<Vec<(MailboxOffset, Message)>, SendError> {
    let mut messages = Vec::new();
    let mut from = after.map_or_else(EntryId::default, |after| EntryId::at(after).next());
    loop {
        let mut range = cmd("XRANGE");
        range.arg(key).arg(from.to_string()).arg("+").arg("COUNT").arg(PAGE_SIZE);
        let page = parse::entries(context.query(&range).await?);
        let is_last = page.len() < PAGE_SIZE;
        context.confirm_expiry(&page).await;
        for entry in page {
            from = entry.id.next();
            // Malformed entries are left to the owner, which moves them to the dead log.
            messages.extend(entry.decode().ok().map(|message| (entry.id.offset(0), message)));
        }
        if is_last {
            return Ok(messages);
        }
    }
}
