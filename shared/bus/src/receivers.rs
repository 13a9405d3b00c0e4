//! The receiving ends of queues, mailboxes, notices and logs, over both implementations.
//!
//! They do not fail: they reconnect and continue, see the [crate].

use crate::ack_tracker::MailboxOffset;
use crate::codec::LogLine;
use crate::message::{Message, Notice};
use crate::{memory, redis};

/// A message of a queue, to be finished with [`ack`](Delivery::ack) or [`nack`](Delivery::nack).
///
/// When it is dropped without either, the message is delivered to another worker after
/// [`REDELIVER_AFTER`](crate::REDELIVER_AFTER).
pub struct Delivery {
    /// The message to handle.
    pub message: Message,
    /// 1 for the first delivery.
    pub attempt: u32,
    handle: AckHandle,
}

enum AckHandle {
    Memory(memory::MemoryAck),
    Redis(redis::RedisAck),
}

impl Delivery {
    /// Finishes the message: it is not delivered again. The acknowledgement is sent in the background. When it is
    /// lost, the message is delivered again and must be recognised by its id.
    pub fn ack(self) {
        match self.handle {
            AckHandle::Memory(handle) => handle.ack(),
            AckHandle::Redis(handle) => handle.ack(),
        }
    }

    /// Reports a failure: the message is delivered to another worker after
    /// [`REDELIVER_AFTER`](crate::REDELIVER_AFTER). After the last of [`MAX_DELIVERIES`](crate::MAX_DELIVERIES) it
    /// goes to [`Log::Dead`](crate::topic::Log::Dead) with this error.
    pub fn nack(self, error: &str) {
        match self.handle {
            AckHandle::Memory(handle) => handle.nack(error),
            AckHandle::Redis(handle) => handle.nack(error),
        }
    }
}

/// One worker of a queue.
pub enum Worker {
    /// Of the bus within this process.
    Memory(memory::MemoryWorker),
    /// Of the bus over Redis.
    Redis(redis::RedisWorker),
}

impl Worker {
    /// Waits for the next message. One that cannot be decoded goes to [`Log::Dead`](crate::topic::Log::Dead). Safe
    /// to cancel.
    pub async fn next(&mut self) -> Delivery {
        match self {
            Self::Memory(worker) => {
                let (message, handle) = worker.next().await;
                Delivery { message, attempt: handle.attempt(), handle: AckHandle::Memory(handle) }
            }
            Self::Redis(worker) => {
                let (message, handle) = worker.next().await;
                Delivery { message, attempt: handle.attempt(), handle: AckHandle::Redis(handle) }
            }
        }
    }

    /// Leaves the queue. The unfinished messages of this worker go to others at once, and not after
    /// [`REDELIVER_AFTER`](crate::REDELIVER_AFTER).
    pub async fn leave(self) {
        match self {
            Self::Memory(worker) => worker.leave(),
            Self::Redis(worker) => worker.leave().await,
        }
    }
}

/// Reads a mailbox, for its owner.
pub enum MailboxReader {
    /// Of the bus within this process.
    Memory(memory::MemoryMailbox),
    /// Of the bus over Redis.
    Redis(redis::RedisMailbox),
}

impl MailboxReader {
    /// Waits for the next message. Safe to cancel.
    pub async fn next(&mut self) -> Message {
        match self {
            Self::Memory(reader) => reader.next().await,
            Self::Redis(reader) => reader.next().await,
        }
    }

    /// Acknowledges all messages that [`next`](Self::next) has returned: neither this owner nor the next one reads
    /// them again. The mailbox is trimmed in the background.
    pub fn ack(&mut self) {
        if let Some(offset) = self.offset() {
            self.ack_through(offset);
        }
    }

    /// Returns the offset of the last message that [`next`](Self::next) has returned.
    pub fn offset(&self) -> Option<MailboxOffset> {
        match self {
            Self::Memory(reader) => reader.offset(),
            Self::Redis(reader) => reader.offset(),
        }
    }

    /// Acknowledges the messages through this offset, which must be one of this reader's. The greatest offset counts,
    /// whatever the order of the calls. An offset from before the mailbox was lost and created again has no effect.
    pub fn ack_through(&mut self, offset: MailboxOffset) {
        match self {
            Self::Memory(reader) => reader.ack_through(offset),
            Self::Redis(reader) => reader.ack_through(offset),
        }
    }
}

/// A subscription to notices.
pub enum Notices {
    /// Of the bus within this process.
    Memory(memory::MemoryNotices),
    /// Of the bus over Redis.
    Redis(redis::RedisNotices),
}

impl Notices {
    /// Waits for the next notice. Safe to cancel.
    pub async fn next(&mut self) -> Notice {
        match self {
            Self::Memory(notices) => notices.next().await,
            Self::Redis(notices) => notices.next().await,
        }
    }
}

/// Reads a log as it grows. It misses lines that the log drops past its cap before they were read.
pub enum Follower {
    /// Of the bus within this process.
    Memory(memory::MemoryFollower),
    /// Of the bus over Redis.
    Redis(Box<redis::RedisFollower>),
}

impl Follower {
    /// Waits for the next line. Safe to cancel.
    pub async fn next(&mut self) -> LogLine {
        match self {
            Self::Memory(follower) => follower.next().await,
            Self::Redis(follower) => follower.next().await,
        }
    }
}
