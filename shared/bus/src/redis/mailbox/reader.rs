//! Reads a mailbox's stream in order, on a connection of its own.

use super::{Epoch, READ_AHEAD, id, mark};
use crate::Mark;
use crate::entry;
use crate::message::Message;
use crate::redis::RedisBus;
use crate::redis::connection::{BLOCK, Dedicated};
use crate::redis::outage::Outage;
use crate::redis::reply::{self, Entry, EntryId};
use ::redis::{Cmd, cmd};
use tokio::sync::mpsc;

pub(super) struct Reader {
    bus: RedisBus,
    key: String,
    epoch: Epoch,
    cursor: Mark,
    connection: Dedicated,
    sender: mpsc::Sender<(Mark, Message)>,
}

impl Reader {
    pub(super) fn new(
        bus: &RedisBus,
        key: String,
        epoch: Epoch,
        sender: mpsc::Sender<(Mark, Message)>,
    ) -> Self {
        let outage = Outage::new(format_args!("reader of {key}"));
        let connection = Dedicated::new(bus.server.clone(), outage);
        let cursor = mark(0, EntryId::default());
        Self { bus: bus.clone(), key, epoch, cursor, connection, sender }
    }

    /// Until the owner is gone.
    pub(super) async fn run(mut self) {
        while !self.sender.is_closed() {
            let read = self.read();
            match self.connection.query(&read).await {
                Ok(value) if self.cursor.epoch == self.epoch.now() => self.hand_on(reply::read(value)).await,
                // What was read with the cursor of a stream that is no more is read again.
                Ok(_) => self.cursor = mark(self.epoch.now(), EntryId::default()),
                Err(error) => self.connection.outage.wait(&error).await,
            }
        }
    }

    fn read(&self) -> Cmd {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(READ_AHEAD).arg("BLOCK").arg(BLOCK.as_millis() as u64);
        read.arg("STREAMS").arg(&self.key).arg(id(self.cursor).to_string());
        read
    }

    async fn hand_on(&mut self, entries: Vec<Entry>) {
        for Entry { id, fields } in entries {
            self.cursor = mark(self.cursor.epoch, id);
            match entry::decode(&fields) {
                // An error says that the owner is gone.
                Ok(message) => drop(self.sender.send((self.cursor, message)).await),
                Err(error) => drop(self.bus.bury(&self.key, &fields, &error.to_string()).await),
            }
        }
    }
}
