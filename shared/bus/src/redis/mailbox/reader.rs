//! Reads a mailbox's stream in order, on a connection of its own.

use super::{Epoch, READ_AHEAD, entry_id, offset_of};
use crate::MailboxOffset;
use crate::codec;
use crate::message::Message;
use crate::redis::RedisBus;
use crate::redis::connection::{BLOCK_TIMEOUT, BlockingConnection};
use crate::redis::outage::RetryState;
use crate::redis::reply::{self, EntryId, RawEntry};
use ::redis::{Cmd, cmd};
use tokio::sync::mpsc;

pub(super) struct Reader {
    bus: RedisBus,
    key: String,
    epoch: Epoch,
    cursor: MailboxOffset,
    connection: BlockingConnection,
    sender: mpsc::Sender<(MailboxOffset, Message)>,
}

impl Reader {
    pub(super) fn new(
        bus: &RedisBus,
        key: String,
        epoch: Epoch,
        sender: mpsc::Sender<(MailboxOffset, Message)>,
    ) -> Self {
        let outage = RetryState::new(format_args!("reader of {key}"));
        let connection = BlockingConnection::new(bus.server.clone(), outage);
        let cursor = offset_of(0, EntryId::default());
        Self { bus: bus.clone(), key, epoch, cursor, connection, sender }
    }

    /// Until the owner is gone.
    pub(super) async fn run(mut self) {
        while !self.sender.is_closed() {
            let read = self.read();
            match self.connection.query(&read).await {
                Ok(value) if self.cursor.epoch == self.epoch.now() => self.forward(reply::read(value)).await,
                // What was read with the cursor of a stream that is no more is read again.
                Ok(_) => self.cursor = offset_of(self.epoch.now(), EntryId::default()),
                Err(error) => self.connection.retry.back_off(&error).await,
            }
        }
    }

    fn read(&self) -> Cmd {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(READ_AHEAD).arg("BLOCK").arg(BLOCK_TIMEOUT.as_millis() as u64);
        read.arg("STREAMS").arg(&self.key).arg(entry_id(self.cursor).to_string());
        read
    }

    async fn forward(&mut self, entries: Vec<RawEntry>) {
        for RawEntry { id, fields } in entries {
            self.cursor = offset_of(self.cursor.epoch, id);
            match codec::decode(&fields) {
                // An error says that the owner is gone.
                Ok(message) => drop(self.sender.send((self.cursor, message)).await),
                Err(error) => drop(self.bus.dead_letter(&self.key, &fields, &error.to_string()).await),
            }
        }
    }
}
