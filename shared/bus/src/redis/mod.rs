//! The bus over a Redis server.

use crate::message::{CallRecord, Message, Notice};
use crate::topic::{Log, Mailbox, Queue};
use crate::{Delivery, Line, SendError};

/// The bus over a Redis server; clones share it.
#[derive(Clone)]
pub struct RedisBus {}

/// One worker of a queue.
pub struct RedisWorker {}

/// The owner's end of a mailbox.
pub struct RedisMailbox {}

/// A subscription to notices.
pub struct RedisNotices {}

/// What finishes a delivery.
pub struct Receipt {}
impl Receipt {
    pub(crate) fn done(self) {}
    pub(crate) fn failed(self, _error: &str) {}
}
impl RedisBus {
    pub(crate) async fn enqueue(&self, _: Queue, _: &Message) -> Result<(), SendError> {
        Ok(())
    }
    pub(crate) async fn post(&self, _: &Mailbox, _: &Message) -> Result<(), SendError> {
        Ok(())
    }
    pub(crate) async fn publish(&self, _: &Notice) -> Result<(), SendError> {
        Ok(())
    }
    pub(crate) async fn log_call(&self, _: &CallRecord) -> Result<(), SendError> {
        Ok(())
    }
    pub(crate) async fn work(&self, _: Queue, _: &str) -> RedisWorker {
        RedisWorker {}
    }
    pub(crate) async fn connect(_: &str) -> Result<Self, SendError> {
        Ok(Self {})
    }
    pub(crate) async fn ping(&self) -> Result<(), SendError> {
        Ok(())
    }
    pub(crate) async fn open(&self, _: Mailbox) -> Result<RedisMailbox, SendError> {
        Ok(RedisMailbox {})
    }
    pub(crate) async fn close(&self, _: &Mailbox) -> Result<(), SendError> {
        Ok(())
    }
    pub(crate) async fn subscribe(&self) -> RedisNotices {
        RedisNotices {}
    }
    pub(crate) async fn tail(&self, _: Log, _: usize) -> Result<Vec<Line>, SendError> {
        Ok(Vec::new())
    }
    pub(crate) async fn backlog(&self, _: &str) -> Result<usize, SendError> {
        Ok(0)
    }
}
impl RedisWorker {
    pub(crate) async fn next(&mut self) -> Delivery {
        std::future::pending().await
    }
    pub(crate) async fn leave(self) {}
}
impl RedisMailbox {
    pub(crate) async fn next(&mut self) -> Message {
        std::future::pending().await
    }
    pub(crate) fn done(&mut self) {}
}
impl RedisNotices {
    pub(crate) async fn next(&mut self) -> Notice {
        std::future::pending().await
    }
}
