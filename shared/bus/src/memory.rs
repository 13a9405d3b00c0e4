//! The bus within one process.

use crate::message::{CallRecord, Message, Notice};
use crate::topic::{Log, Mailbox, Queue};
use crate::{Delivery, Line, SendError};

/// The bus within one process; clones share it.
#[derive(Clone, Default)]
pub struct MemoryBus {}

/// One worker of a queue.
pub struct MemoryWorker {}

/// The owner's end of a mailbox.
pub struct MemoryMailbox {}

/// A subscription to notices.
pub struct MemoryNotices {}

/// What finishes a delivery.
pub struct Receipt {}
impl Receipt {
    pub(crate) fn done(self) {}
    pub(crate) fn failed(self, _error: &str) {}
}
impl MemoryBus {
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
    pub(crate) fn work(&self, _: Queue, _: &str) -> MemoryWorker {
        MemoryWorker {}
    }
    pub(crate) fn open(&self, _: Mailbox) -> MemoryMailbox {
        MemoryMailbox {}
    }
    pub(crate) fn close(&self, _: &Mailbox) {}
    pub(crate) fn subscribe(&self) -> MemoryNotices {
        MemoryNotices {}
    }
    pub(crate) fn tail(&self, _: Log, _: usize) -> Vec<Line> {
        Vec::new()
    }
    pub(crate) fn backlog(&self, _: &str) -> usize {
        0
    }
}
impl MemoryWorker {
    pub(crate) async fn next(&mut self) -> Delivery {
        std::future::pending().await
    }
    pub(crate) fn leave(self) {}
}
impl MemoryMailbox {
    pub(crate) async fn next(&mut self) -> Message {
        std::future::pending().await
    }
    pub(crate) fn done(&mut self) {}
}
impl MemoryNotices {
    pub(crate) async fn next(&mut self) -> Notice {
        std::future::pending().await
    }
}
