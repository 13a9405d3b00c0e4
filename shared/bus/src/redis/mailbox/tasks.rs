//! The tasks of a mailbox: the reader, the TTL renewer and the trimmer.

use crate::ack_tracker::MailboxOffset;
use crate::message::Message;
use crate::redis::blocking::{BLOCK_TIMEOUT, BlockingConnection, RetryState};
use crate::redis::context::Context;
use crate::redis::parse::{self, EntryId, RawEntry};
use crate::topic::MAILBOX_TTL;
use ::redis::{Cmd, RedisResult, cmd};
use common::{ErrorLog, warn_failure};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

static KEEPING: ErrorLog = ErrorLog::new("keeping the mailboxes");
static RENEWING: ErrorLog = ErrorLog::new("renewing the TTLs of mailboxes");
static TRIMMING: ErrorLog = ErrorLog::new("trimming mailboxes");

/// Messages that are read ahead of the owner.
pub(super) const READ_AHEAD: usize = 128;
const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// How often the stream was found missing.
#[derive(Clone, Default)]
pub(super) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    pub(super) fn current(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn advance(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// Reads the stream in order, on a connection of its own.
pub(super) struct StreamReader {
    context: Context,
    key: String,
    epoch: Epoch,
    cursor: MailboxOffset,
    connection: BlockingConnection,
    sender: mpsc::Sender<(MailboxOffset, Message)>,
}

impl StreamReader {
    pub(super) fn new(
        context: &Context,
        key: String,
        epoch: Epoch,
        sender: mpsc::Sender<(MailboxOffset, Message)>,
    ) -> Self {
        let connection = BlockingConnection::new(context.server.clone(), format_args!("reader of {key}"));
        let cursor = EntryId::default().offset(0);
        Self { context: context.clone(), key, epoch, cursor, connection, sender }
    }

    /// Reads until the owner is dropped.
    pub(super) async fn run(mut self) {
        while !self.sender.is_closed() {
            let read = self.read_command();
            match self.connection.query(&read).await {
                Ok(value) if self.cursor.epoch == self.epoch.current() => {
                    self.forward(parse::read(value)).await;
                }
                // The stream was created again. What was read with the old cursor is read again.
                Ok(_) => self.cursor = EntryId::default().offset(self.epoch.current()),
                Err(error) => self.connection.retry.back_off(&error).await,
            }
        }
    }

    fn read_command(&self) -> Cmd {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(READ_AHEAD).arg("BLOCK").arg(BLOCK_TIMEOUT.as_millis() as u64);
        read.arg("STREAMS").arg(&self.key).arg(EntryId::at(self.cursor).to_string());
        read
    }

    async fn forward(&mut self, entries: Vec<RawEntry>) {
        self.context.confirm_expiry(&entries).await;
        for entry in entries {
            self.cursor = entry.id.offset(self.cursor.epoch);
            match entry.decode() {
                // An error means that the owner was dropped.
                Ok(message) => drop(self.sender.send((self.cursor, message)).await),
                Err(error) => {
                    drop(self.context.dead_letter(&self.key, &entry.fields, &error.to_string()).await);
                }
            }
        }
    }
}

/// Renews the TTL of the stream while it has an owner.
pub(super) struct TtlRenewer {
    context: Context,
    key: String,
    epoch: Epoch,
}

impl TtlRenewer {
    pub(super) fn new(context: &Context, key: String, epoch: Epoch) -> Self {
        Self { context: context.clone(), key, epoch }
    }

    /// Renews the TTL of the stream, and creates the stream if it is missing. Returns whether it was missing.
    pub(super) async fn renew(&self) -> RedisResult<bool> {
        let mut call = self.context.scripts.renew.key(&self.key);
        self.context.try_query(call.arg(MAILBOX_TTL.as_millis() as u64)).await
    }

    pub(super) async fn run(self) {
        let mut retry = RetryState::new(format_args!("TTL renewer of {}", self.key), &RENEWING);
        loop {
            match self.renew().await {
                Ok(was_missing) => {
                    retry.reset();
                    if was_missing {
                        warn_failure!(
                            KEEPING,
                            mailbox = self.key,
                            "the mailbox was lost and was created again"
                        );
                        self.epoch.advance();
                    }
                    if !was_missing {
                        KEEPING.succeeded();
                    }
                    sleep(RENEW_INTERVAL).await;
                }
                Err(error) => retry.back_off(&error).await,
            }
        }
    }
}

/// Deletes acknowledged messages.
pub(super) struct Trimmer {
    context: Context,
    key: String,
    epoch: Epoch,
    offsets: watch::Receiver<Option<MailboxOffset>>,
}

impl Trimmer {
    pub(super) fn new(
        context: &Context,
        key: String,
        epoch: Epoch,
        offsets: watch::Receiver<Option<MailboxOffset>>,
    ) -> Self {
        Self { context: context.clone(), key, epoch, offsets }
    }

    /// Trims until the owner is dropped and its last offset is applied.
    pub(super) async fn run(mut self) {
        let mut retry = RetryState::new(format_args!("trimmer of {}", self.key), &TRIMMING);
        while self.offsets.changed().await.is_ok() {
            while let Err(error) = self.trim().await {
                let is_owner_gone = self.offsets.has_changed().is_err();
                if is_owner_gone {
                    return;
                }
                retry.back_off(&error).await;
            }
            retry.reset();
        }
    }

    async fn trim(&mut self) -> RedisResult<()> {
        let offset = *self.offsets.borrow_and_update();
        match offset {
            Some(offset) if offset.epoch == self.epoch.current() => {
                let min_id = EntryId::at(offset).next().to_string();
                self.context.try_query(cmd("XTRIM").arg(&self.key).arg("MINID").arg(min_id)).await
            }
            _ => Ok(()),
        }
    }
}
