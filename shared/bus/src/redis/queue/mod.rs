//! A worker of a queue on Redis. Three tasks serve it:
//!
//! - the *reader* blocks on the consumer group for new messages, while the worker waits for one;
//! - *reclaim* takes over messages of dead workers, and keeps the prefetched ones from being taken over;
//! - the *acker* acknowledges and deletes finished messages, in batches.
//!
//! Between them and the worker is the *prefetch buffer*: messages that were read and not yet returned by `next()`. It
//! survives a dropped `next()`. A worker that stops calling `next()` gets no new messages, and its prefetched ones go
//! to other workers.

mod acker;
mod consumer_group;
mod prefetch;
mod reader;

pub(super) use consumer_group::GROUP;

use super::blocking::ClientId;
use super::context::{Context, RESPONSE_TIMEOUT};
use super::parse::EntryId;
use crate::codec::Fields;
use crate::message::Message;
use crate::topic::MAX_DELIVERIES;
use acker::{AckCommand, AckSender, Acker};
use consumer_group::ConsumerGroup;
use prefetch::{PrefetchBuffer, Prefetched};
use reader::GroupReader;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// One worker of a queue.
pub struct RedisWorker {
    context: Context,
    client: ClientId,
    prefetch: Arc<PrefetchBuffer>,
    ack_sender: AckSender,
    tasks: [JoinHandle<()>; 2],
}

impl RedisWorker {
    pub(super) async fn join(context: &Context, key: String, worker: &str) -> Self {
        let group = Arc::new(ConsumerGroup::new(context, key, worker));
        // The reader tries again after a failure.
        let _ = group.create().await;
        let prefetch = Arc::new(PrefetchBuffer::default());
        let ack_sender = Acker::start(group.clone());
        let reader = GroupReader::new(group.clone(), prefetch.clone(), ack_sender.clone());
        let client = reader.client();
        let reclaim = reader::run_reclaim(group, prefetch.clone(), ack_sender.clone());
        let tasks = [tokio::spawn(reader.run()), tokio::spawn(reclaim)];
        Self { context: context.clone(), client, prefetch, ack_sender, tasks }
    }

    pub(crate) async fn next(&mut self) -> (Message, RedisAck) {
        let Prefetched { id, fields, message, attempt } = self.prefetch.pop().await;
        (message, RedisAck { id, fields, attempt, ack_sender: self.ack_sender.clone() })
    }

    /// Stops all deliveries to this worker first, and then releases its messages.
    pub(crate) async fn leave(mut self) {
        for task in &mut self.tasks {
            task.abort();
            let _ = task.await;
        }
        let unread = self.prefetch.drain();
        let (reply, left) = oneshot::channel();
        let leave = async {
            self.client.kill(&self.context).await;
            self.ack_sender.send(AckCommand::Leave { unread, reply }).await;
            let _ = left.await;
        };
        // While Redis is down, nothing can be released: other workers reclaim the messages later.
        let _ = timeout(RESPONSE_TIMEOUT, leave).await;
    }
}

impl Drop for RedisWorker {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Finishes a delivery of the Redis bus.
pub struct RedisAck {
    id: EntryId,
    fields: Fields,
    attempt: u32,
    ack_sender: AckSender,
}

impl RedisAck {
    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(crate) fn ack(self) {
        self.ack_sender.try_send(AckCommand::Ack(self.id));
    }

    pub(crate) fn nack(self, error: &str) {
        if self.attempt >= MAX_DELIVERIES {
            let (id, fields, error) = (self.id, self.fields, error.to_owned());
            self.ack_sender.try_send(AckCommand::DeadLetter { id, fields, error });
        }
    }
}
