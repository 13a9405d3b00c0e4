//! Acknowledges what is done, and buries what is given up, off the worker's way.
//!
//! Orders wait for the clerk, and for Redis, in a queue of [`ORDERS`]. The rule when it is full: the
//! order is dropped and counted; its message comes again and is recognised by its id. The clerk ends
//! when the worker and all its deliveries are gone.

use super::group::Group;
use crate::entry::Fields;
use crate::numbers;
use crate::redis::outage::Outage;
use crate::redis::reply::{EntryId, Pending};
use ::redis::RedisError;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

const ORDERS: usize = 65_536;
/// How many messages are acknowledged in one round trip, at most.
const BATCH: usize = 512;
/// How often is tried what nobody waits for any more.
const LAST_TRIES: u32 = 5;

pub(super) enum Order {
    /// This message is done.
    Done(EntryId),
    /// This one goes to the dead log.
    Bury { id: EntryId, fields: Fields, error: String },
    /// The worker leaves; it never handed out these.
    Leave { unread: Vec<Pending>, reply: oneshot::Sender<()> },
}

/// Where orders are placed.
#[derive(Clone)]
pub(super) struct Desk(mpsc::Sender<Order>);

impl Desk {
    /// Places an order without waiting.
    pub(super) fn place(&self, order: Order) {
        if self.0.try_send(order).is_err() {
            numbers::acknowledgement_dropped();
        }
    }

    /// Places an order behind all others.
    pub(super) async fn send(&self, order: Order) {
        // The clerk cannot be gone: this desk is still open.
        let _ = self.0.send(order).await;
    }
}

pub(super) struct Clerk {
    group: Arc<Group>,
    orders: mpsc::Receiver<Order>,
    outage: Outage,
    done: Vec<EntryId>,
}

impl Clerk {
    pub(super) fn start(group: Arc<Group>) -> Desk {
        let (desk, orders) = mpsc::channel(ORDERS);
        let outage = Outage::new(format_args!("clerk of {}", group.key));
        tokio::spawn(Self { group, orders, outage, done: Vec::new() }.run());
        Desk(desk)
    }

    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.orders.recv_many(&mut batch, BATCH).await > 0 {
            for order in batch.drain(..) {
                self.carry_out(order).await;
            }
            self.acknowledge().await;
        }
    }

    async fn carry_out(&mut self, order: Order) {
        match order {
            Order::Done(id) => self.done.push(id),
            Order::Bury { id, fields, error } => self.bury(id, &fields, &error).await,
            Order::Leave { unread, reply } => {
                self.acknowledge().await;
                let _ = self.group.give_back(&unread).await;
                let _ = self.group.give_all_back().await;
                let _ = reply.send(());
            }
        }
    }

    /// First into the log, then out of the queue: a failure between the two writes it twice.
    async fn bury(&mut self, id: EntryId, fields: &Fields, error: &str) {
        let mut tries = 0;
        while let Err(error) = self.group.bus.bury(&self.group.key, fields, error).await {
            if self.gives_up(&error, &mut tries) {
                return tracing::warn!(%error, "not buried; the message comes again");
            }
            self.outage.wait(&error).await;
        }
        self.outage.over();
        self.done.push(id);
    }

    async fn acknowledge(&mut self) {
        let done = std::mem::take(&mut self.done);
        if done.is_empty() {
            return;
        }
        let mut tries = 0;
        while let Err(error) = self.group.acknowledge(&done).await {
            if self.gives_up(&error, &mut tries) {
                return tracing::warn!(%error, count = done.len(), "not acknowledged; the messages come again");
            }
            self.outage.wait(&error).await;
        }
        self.outage.over();
    }

    /// Redis' own "no" is final, unless it is still loading; silence is not, while anybody is left
    /// who may place an order.
    fn gives_up(&self, error: &RedisError, tries: &mut u32) -> bool {
        *tries += 1;
        let is_refused = error.code().is_some_and(|code| code != "LOADING");
        is_refused || (self.orders.is_closed() && *tries >= LAST_TRIES)
    }
}
