//! Reads the stream of a mailbox in order, on a connection of its own.

use super::ttl::Epoch;
use crate::ack_tracker::MailboxOffset;
use crate::codec;
use crate::message::Message;
use crate::redis::blocking::{BLOCK_TIMEOUT, BlockingConnection};
use crate::redis::context::Context;
use crate::redis::parse::{self, EntryId, RawEntry};
use ::redis::{Cmd, cmd};
use tokio::sync::mpsc;

/// Messages that are read ahead of the owner.
pub(super) const READ_AHEAD: usize = 128;

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
        for RawEntry { id, fields } in entries {
            self.cursor = id.offset(self.cursor.epoch);
            match codec::decode(&fields) {
                // An error means that the owner was dropped.
                Ok(message) => drop(self.sender.send((self.cursor, message)).await),
                Err(error) => {
                    drop(self.context.dead_letter(&self.key, &fields, &error.to_string()).await);
                }
            }
        }
    }
}
