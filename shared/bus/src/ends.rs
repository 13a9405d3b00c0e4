//! The receiving ends of the roads, the same for both buses. Readers never fail, see the [crate].

use crate::message::{Message, Notice};
use crate::{memory, redis};

/// A message of a queue, to be finished with [`Delivery::ack`].
///
/// Dropped without it, the message comes again to another worker after [`REDELIVER_AFTER`](crate::REDELIVER_AFTER).
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// 1 for the first delivery.
    pub attempt: u32,
    pub(crate) ack_handle: AckHandle,
}

/// How the bus is told what became of it.
pub(crate) enum AckHandle {
    Memory(memory::MemoryAck),
    Redis(redis::RedisAck),
}

impl Delivery {
    /// The work is done: nobody gets this message again. Acknowledging happens in the background;
    /// when it gets lost, the message comes again and must be recognised by its id.
    pub fn ack(self) {
        match self.ack_handle {
            AckHandle::Memory(receipt) => receipt.ack(),
            AckHandle::Redis(receipt) => receipt.ack(),
        }
    }

    /// The work failed: another worker tries after [`REDELIVER_AFTER`](crate::REDELIVER_AFTER); if this was the last of
    /// [`MAX_DELIVERIES`](crate::MAX_DELIVERIES), the message goes to [`Log::Dead`](crate::topic::Log::Dead) with the error.
    pub fn nack(self, error: &str) {
        match self.ack_handle {
            AckHandle::Memory(receipt) => receipt.nack(error),
            AckHandle::Redis(receipt) => receipt.nack(error),
        }
    }
}

/// One worker of a queue.
pub enum Worker {
    /// On the memory bus.
    Memory(memory::MemoryWorker),
    /// On Redis.
    Redis(redis::RedisWorker),
}

impl Worker {
    /// The next message; waits for one. What cannot be read goes to [`Log::Dead`](crate::topic::Log::Dead). Safe to cancel:
    /// nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Delivery {
        match self {
            Self::Memory(worker) => worker.next().await,
            Self::Redis(worker) => worker.next().await,
        }
    }

    /// Leaves the queue. What this worker had read and not finished goes to others at once, not
    /// after [`REDELIVER_AFTER`](crate::REDELIVER_AFTER).
    pub async fn leave(self) {
        match self {
            Self::Memory(worker) => worker.leave(),
            Self::Redis(worker) => worker.leave().await,
        }
    }
}

/// The owner's end of a mailbox.
pub enum MailboxReader {
    /// On the memory bus.
    Memory(memory::MemoryMailbox),
    /// On Redis.
    Redis(redis::RedisMailbox),
}

impl MailboxReader {
    /// The next message; waits for one. Safe to cancel: the message then comes with the next call.
    pub async fn next(&mut self) -> Message {
        match self {
            Self::Memory(reader) => reader.next().await,
            Self::Redis(reader) => reader.next().await,
        }
    }

    /// All that [`next`](Self::next) has returned so far is dealt with and will not be read again,
    /// by this owner or the next. Trimming happens in the background.
    pub fn ack(&mut self) {
        if let Some(mark) = self.offset() {
            self.ack_through(mark);
        }
    }

    /// The place of the message that [`next`](Self::next) returned last.
    pub fn offset(&self) -> Option<MailboxOffset> {
        match self {
            Self::Memory(reader) => reader.offset(),
            Self::Redis(reader) => reader.offset(),
        }
    }

    /// As [`done`](Self::ack), but only up to and with the message at this mark, which is one of
    /// this reader's. The furthest mark counts, whatever comes after it. A mark from before the mailbox
    /// was lost and made anew means nothing.
    pub fn ack_through(&mut self, mark: MailboxOffset) {
        match self {
            Self::Memory(reader) => reader.ack_through(mark),
            Self::Redis(reader) => reader.ack_through(mark),
        }
    }
}

/// A place in a mailbox; only places in the same one can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailboxOffset {
    /// How often the mailbox has been made anew.
    pub(crate) epoch: u64,
    /// The entry: milliseconds and number on Redis, a running number in memory.
    pub(crate) entry: (u64, u64),
}

/// A subscription to notices.
pub enum Notices {
    /// On the memory bus.
    Memory(memory::MemoryNotices),
    /// On Redis.
    Redis(redis::RedisNotices),
}

impl Notices {
    /// The next notice; waits for one. Safe to cancel.
    pub async fn next(&mut self) -> Notice {
        match self {
            Self::Memory(notices) => notices.next().await,
            Self::Redis(notices) => notices.next().await,
        }
    }
}
