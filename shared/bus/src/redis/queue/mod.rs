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
use super::connection::{ClientId, RESPONSE_TIMEOUT, SharedConnection};
use super::reply::{EntryId, RawEntry};
use crate::codec::{self, Fields};
use crate::message::Message;
use crate::{Delivery, MAX_DELIVERIES};
use clerk::{AckCommand, AckSender, Acker};
use group::ConsumerGroup;
use reader::Reader;
use shelf::PrefetchBuffer;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A message that this worker holds in Redis' eyes.
struct Prefetched {
    id: EntryId,
    fields: Fields,
    message: Message,
    attempt: u32,
}

impl Prefetched {
    /// Of an entry; one that makes no sense goes to the dead log.
    fn new(RawEntry { id, fields }: RawEntry, attempt: u32, desk: &AckSender) -> Option<Self> {
        match codec::decode(&fields) {
            Ok(message) => Some(Self { id, fields, message, attempt }),
            Err(error) => {
                desk.try_send(AckCommand::DeadLetter { id, fields, error: error.to_string() });
                None
            }
        }
    }
}

/// One worker of a queue.
pub struct RedisWorker {
    shared: SharedConnection,
    client: ClientId,
    prefetch: Arc<PrefetchBuffer>,
    ack_sender: AckSender,
    tasks: [JoinHandle<()>; 2],
}

impl RedisWorker {
    pub(super) async fn join(bus: &RedisBus, key: String, worker: &str) -> Self {
        let group = Arc::new(ConsumerGroup::new(bus, key, worker));
        // Where this fails, the reader tries again.
        let _ = group.create().await;
        let shelf = Arc::new(PrefetchBuffer::default());
        let desk = Acker::start(group.clone());
        let reader = Reader::new(group.clone(), shelf.clone(), desk.clone());
        let client = reader.client();
        let upkeep = upkeep::run(group, shelf.clone(), desk.clone());
        let tasks = [tokio::spawn(reader.run()), tokio::spawn(upkeep)];
        Self { shared: bus.shared.clone(), client, prefetch: shelf, ack_sender: desk, tasks }
    }

    pub(crate) async fn next(&mut self) -> Delivery {
        let Prefetched { id, fields, message, attempt } = self.prefetch.pop().await;
        let receipt = RedisAck { id, fields, attempt, ack_sender: self.ack_sender.clone() };
        Delivery { message, attempt, ack_handle: crate::ends::AckHandle::Redis(receipt) }
    }

    /// First nothing more may be delivered here; then all is given back.
    pub(crate) async fn leave(mut self) {
        for task in &mut self.tasks {
            task.abort();
            let _ = task.await;
        }
        let unread = self.prefetch.clear();
        let (reply, left) = oneshot::channel();
        let leave = async {
            self.client.kill(&self.shared).await;
            self.ack_sender.send(AckCommand::Leave { unread, reply }).await;
            let _ = left.await;
        };
        // While Redis is away there is no giving back: others take over after a while.
        let _ = timeout(RESPONSE_TIMEOUT, leave).await;
    }
}

impl Drop for RedisWorker {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What finishes a delivery of the Redis bus.
pub struct RedisAck {
    id: EntryId,
    fields: Fields,
    attempt: u32,
    ack_sender: AckSender,
}

impl RedisAck {
    pub(crate) fn ack(self) {
        self.ack_sender.try_send(AckCommand::Ack(self.id));
    }

    pub(crate) fn nack(self, error: &str) {
        if self.attempt >= MAX_DELIVERIES {
            self.ack_sender.try_send(AckCommand::DeadLetter {
                id: self.id,
                fields: self.fields,
                error: error.to_owned(),
            });
        }
    }
}
