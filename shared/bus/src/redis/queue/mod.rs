//! A queue's worker on Redis. Three tasks serve it:
//!
//! - the *reader* blocks on the group for new messages, while the worker waits for one;
//! - the *upkeep* takes over what died elsewhere, and sees that what lies on the shelf is not taken
//!   for dead itself;
//! - the *clerk* acknowledges and deletes what is done, in batches, off the worker's way.
//!
//! Between them lies the *shelf*: what has been read and not yet handed out. It outlives a `next()`
//! that is dropped. A worker that stops asking gets nothing new, and its shelf goes to the others.

mod clerk;
mod group;
mod reader;
mod shelf;
mod upkeep;

pub(super) use group::GROUP;

use super::RedisBus;
use super::connection::{ClientId, PATIENCE, Shared};
use super::reply::{Entry, EntryId};
use crate::entry::{self, Fields};
use crate::message::Message;
use crate::{Delivery, MAX_DELIVERIES};
use clerk::{Clerk, Desk, Order};
use group::Group;
use reader::Reader;
use shelf::Shelf;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A message that this worker holds in Redis' eyes.
struct Held {
    id: EntryId,
    fields: Fields,
    message: Message,
    attempt: u32,
}

impl Held {
    /// Of an entry; one that makes no sense goes to the dead log.
    fn new(Entry { id, fields }: Entry, attempt: u32, desk: &Desk) -> Option<Self> {
        match entry::decode(&fields) {
            Ok(message) => Some(Self { id, fields, message, attempt }),
            Err(error) => {
                desk.place(Order::Bury { id, fields, error: error.to_string() });
                None
            }
        }
    }
}

/// One worker of a queue.
pub struct RedisWorker {
    shared: Shared,
    client: ClientId,
    shelf: Arc<Shelf>,
    desk: Desk,
    tasks: [JoinHandle<()>; 2],
}

impl RedisWorker {
    pub(super) async fn join(bus: &RedisBus, key: String, worker: &str) -> Self {
        let group = Arc::new(Group::new(bus, key, worker));
        // Where this fails, the reader tries again.
        let _ = group.create().await;
        let shelf = Arc::new(Shelf::default());
        let desk = Clerk::start(group.clone());
        let reader = Reader::new(group.clone(), shelf.clone(), desk.clone());
        let client = reader.client();
        let upkeep = upkeep::run(group, shelf.clone(), desk.clone());
        let tasks = [tokio::spawn(reader.run()), tokio::spawn(upkeep)];
        Self { shared: bus.shared.clone(), client, shelf, desk, tasks }
    }

    pub(crate) async fn next(&mut self) -> Delivery {
        let Held { id, fields, message, attempt } = self.shelf.take().await;
        let receipt = Receipt { id, fields, attempt, desk: self.desk.clone() };
        Delivery { message, attempt, receipt: crate::ends::Receipt::Redis(receipt) }
    }

    /// First nothing more may be delivered here; then all is given back.
    pub(crate) async fn leave(mut self) {
        for task in &mut self.tasks {
            task.abort();
            let _ = task.await;
        }
        let unread = self.shelf.clear();
        let (reply, left) = oneshot::channel();
        let leave = async {
            self.client.hang_up(&self.shared).await;
            self.desk.send(Order::Leave { unread, reply }).await;
            let _ = left.await;
        };
        // While Redis is away there is no giving back: others take over after a while.
        let _ = timeout(PATIENCE, leave).await;
    }
}

impl Drop for RedisWorker {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What finishes a delivery of the Redis bus.
pub struct Receipt {
    id: EntryId,
    fields: Fields,
    attempt: u32,
    desk: Desk,
}

impl Receipt {
    pub(crate) fn done(self) {
        self.desk.place(Order::Done(self.id));
    }

    pub(crate) fn failed(self, error: &str) {
        if self.attempt >= MAX_DELIVERIES {
            self.desk.place(Order::Bury { id: self.id, fields: self.fields, error: error.to_owned() });
        }
    }
}
