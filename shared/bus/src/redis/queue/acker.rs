//! Acknowledges finished messages, and moves failed ones to the dead log, in the background.
//!
//! Commands wait in a queue of [`COMMAND_BUFFER`]. When it is full, a command is dropped and counted: its message is
//! delivered again, and recognised by its id. The acker ends when the worker and all its deliveries are dropped.

use super::consumer_group::ConsumerGroup;
use crate::codec::Fields;
use crate::metrics;
use crate::redis::blocking::RetryState;
use crate::redis::parse::{EntryId, PendingEntry};
use ::redis::RedisError;
use common::{ErrorLog, warn_failure};
use redis_connection::is_command_error;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

static DEAD_LETTERS: ErrorLog = ErrorLog::new("writing to the dead log");
static ACKING: ErrorLog = ErrorLog::new("acknowledging messages");
static REFUSED: ErrorLog = ErrorLog::new("acknowledging messages");

const COMMAND_BUFFER: usize = 65_536;
/// The most messages that are acknowledged in one round trip.
const ACK_BATCH: usize = 512;
/// Attempts at a command after the worker and all its deliveries were dropped.
const FINAL_ATTEMPTS: u32 = 5;

pub(super) enum AckCommand {
    /// Acknowledges a message.
    Ack(EntryId),
    /// Moves a message to the dead log.
    DeadLetter { id: EntryId, fields: Fields, error: String },
    /// Releases all messages of the worker. `unread` are those that it never returned.
    Leave { unread: Vec<PendingEntry>, reply: oneshot::Sender<()> },
}

#[derive(Clone)]
pub(super) struct AckSender(mpsc::Sender<AckCommand>);

impl AckSender {
    /// Sends a command without waiting; drops it when the queue is full.
    pub(super) fn try_send(&self, command: AckCommand) {
        if self.0.try_send(command).is_err() {
            metrics::acknowledgement_dropped();
        }
    }

    pub(super) async fn send(&self, command: AckCommand) {
        // The acker lives as long as this sender.
        let _ = self.0.send(command).await;
    }
}

pub(super) struct Acker {
    group: Arc<ConsumerGroup>,
    commands: mpsc::Receiver<AckCommand>,
    retry: RetryState,
    acked: Vec<EntryId>,
}

impl Acker {
    pub(super) fn start(group: Arc<ConsumerGroup>) -> AckSender {
        let (sender, commands) = mpsc::channel(COMMAND_BUFFER);
        let retry = RetryState::new(format_args!("acker of {}", group.key), &ACKING);
        tokio::spawn(Self { group, commands, retry, acked: Vec::new() }.run());
        AckSender(sender)
    }

    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.commands.recv_many(&mut batch, ACK_BATCH).await > 0 {
            for command in batch.drain(..) {
                self.execute(command).await;
            }
            self.flush().await;
        }
    }

    async fn execute(&mut self, command: AckCommand) {
        match command {
            AckCommand::Ack(id) => self.acked.push(id),
            AckCommand::DeadLetter { id, fields, error } => self.dead_letter(id, &fields, &error).await,
            AckCommand::Leave { unread, reply } => {
                self.flush().await;
                let _ = self.group.release(&unread).await;
                let _ = self.group.release_all().await;
                let _ = reply.send(());
            }
        }
    }

    /// Writes to the dead log first, and then acknowledges: a failure in between writes twice.
    async fn dead_letter(&mut self, id: EntryId, fields: &Fields, error: &str) {
        let mut attempts = 0;
        while let Err(error) = self.group.context.dead_letter(&self.group.key, fields, error).await {
            if self.gives_up(&error, &mut attempts) {
                warn_failure!(DEAD_LETTERS, %error, "failed to write to the dead log; the message will be delivered again");
                return;
            }
            self.retry.back_off(&error).await;
        }
        DEAD_LETTERS.succeeded();
        self.retry.reset();
        self.acked.push(id);
    }

    async fn flush(&mut self) {
        let acked = std::mem::take(&mut self.acked);
        if acked.is_empty() {
            return;
        }
        let mut attempts = 0;
        while let Err(error) = self.group.acknowledge(&acked).await {
            if self.gives_up(&error, &mut attempts) {
                let count = acked.len();
                warn_failure!(REFUSED, %error, count, "failed to acknowledge messages; they will be delivered again");
                return;
            }
            self.retry.back_off(&error).await;
        }
        REFUSED.succeeded();
        self.retry.reset();
    }

    /// An error of the command is final. Others, such as those of a Redis that loads its data or is a replica, are final
    /// only after [`FINAL_ATTEMPTS`], once no sender is left.
    fn gives_up(&self, error: &RedisError, attempts: &mut u32) -> bool {
        *attempts += 1;
        is_command_error(error) || (self.commands.is_closed() && *attempts >= FINAL_ATTEMPTS)
    }
}
