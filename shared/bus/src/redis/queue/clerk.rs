//! Acknowledges what is done, and buries what is given up, off the worker's way.
//!
//! Orders wait for the clerk, and for Redis, in a queue of [`ORDERS`]. The rule when it is full: the
//! order is dropped and counted; its message comes again and is recognised by its id. The clerk ends
//! when the worker and all its deliveries are gone.

use super::group::ConsumerGroup;
use crate::codec::Fields;
use crate::metrics;
use crate::redis::outage::RetryState;
use crate::redis::reply::{EntryId, PendingEntry};
use ::redis::RedisError;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

const COMMAND_BUFFER: usize = 65_536;
/// How many messages are acknowledged in one round trip, at most.
const ACK_BATCH: usize = 512;
/// How often is tried what nobody waits for any more.
const FINAL_ATTEMPTS: u32 = 5;

pub(super) enum AckCommand {
    /// This message is done.
    Ack(EntryId),
    /// This one goes to the dead log.
    DeadLetter { id: EntryId, fields: Fields, error: String },
    /// The worker leaves; it never handed out these.
    Leave { unread: Vec<PendingEntry>, reply: oneshot::Sender<()> },
}

/// Where orders are placed.
#[derive(Clone)]
pub(super) struct AckSender(mpsc::Sender<AckCommand>);

impl AckSender {
    /// Places an order without waiting.
    pub(super) fn try_send(&self, order: AckCommand) {
        if self.0.try_send(order).is_err() {
            metrics::acknowledgement_dropped();
        }
    }

    /// Places an order behind all others.
    pub(super) async fn send(&self, order: AckCommand) {
        // The clerk cannot be gone: this desk is still open.
        let _ = self.0.send(order).await;
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
        let (desk, orders) = mpsc::channel(COMMAND_BUFFER);
        let outage = RetryState::new(format_args!("clerk of {}", group.key));
        tokio::spawn(Self { group, commands: orders, retry: outage, acked: Vec::new() }.run());
        AckSender(desk)
    }

    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.commands.recv_many(&mut batch, ACK_BATCH).await > 0 {
            for order in batch.drain(..) {
                self.execute(order).await;
            }
            self.acknowledge().await;
        }
    }

    async fn execute(&mut self, order: AckCommand) {
        match order {
            AckCommand::Ack(id) => self.acked.push(id),
            AckCommand::DeadLetter { id, fields, error } => self.dead_letter(id, &fields, &error).await,
            AckCommand::Leave { unread, reply } => {
                self.acknowledge().await;
                let _ = self.group.release(&unread).await;
                let _ = self.group.release_all().await;
                let _ = reply.send(());
            }
        }
    }

    /// First into the log, then out of the queue: a failure between the two writes it twice.
    async fn dead_letter(&mut self, id: EntryId, fields: &Fields, error: &str) {
        let mut tries = 0;
        while let Err(error) = self.group.bus.dead_letter(&self.group.key, fields, error).await {
            if self.gives_up(&error, &mut tries) {
                return tracing::warn!(%error, "not buried; the message comes again");
            }
            self.retry.back_off(&error).await;
        }
        self.retry.reset();
        self.acked.push(id);
    }

    async fn acknowledge(&mut self) {
        let done = std::mem::take(&mut self.acked);
        if done.is_empty() {
            return;
        }
        let mut tries = 0;
        while let Err(error) = self.group.acknowledge(&done).await {
            if self.gives_up(&error, &mut tries) {
                return tracing::warn!(%error, count = done.len(), "not acknowledged; the messages come again");
            }
            self.retry.back_off(&error).await;
        }
        self.retry.reset();
    }

    /// Redis' own "no" is final, unless it is still loading; silence is not, while anybody is left
    /// who may place an order.
    fn gives_up(&self, error: &RedisError, tries: &mut u32) -> bool {
        *tries += 1;
        let is_refused = error.code().is_some_and(|code| code != "LOADING");
        is_refused || (self.commands.is_closed() && *tries >= FINAL_ATTEMPTS)
    }
}
