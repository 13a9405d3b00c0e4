//! The bus: one handle over both implementations.

use crate::error::SendError;
use crate::inspect::{MAX_ENTRIES, MAX_WATCH, StreamEntry, StreamStats};
use crate::message::{CallRecord, Message, Notice};
use crate::receivers::{Follower, MailboxReader, Notices, Worker};
use crate::topic::{self, Log, Mailbox, Queue};
use crate::{LogLine, MailboxOffset, memory, redis};
use redis_connection::Server;
use std::time::Duration;

/// A handle on the bus; clones share it.
#[derive(Clone)]
pub enum Bus {
    /// Within this process.
    Memory(memory::MemoryBus),
    /// Over a Redis server.
    Redis(redis::RedisBus),
}

/// Calls the same method of either implementation.
macro_rules! on_both {
    ($self:ident, $bus:ident => $call:expr) => {
        match $self {
            Self::Memory($bus) => $call,
            Self::Redis($bus) => $call,
        }
    };
}

impl Bus {
    /// A bus within this process.
    pub fn memory() -> Self {
        Self::Memory(memory::MemoryBus::default())
    }

    /// A bus over the Redis at `url` ([`ServerConfig::url`](redis_connection::ServerConfig::url)).
    ///
    /// # Errors
    /// When the URL is invalid, or the first connection fails.
    pub async fn redis(url: &str) -> Result<Self, SendError> {
        let server = Server::new(&url.into()).map_err(|error| SendError::Unavailable(error.to_string()))?;
        Self::connect(&server).await
    }

    /// A bus over this Redis.
    ///
    /// # Errors
    /// When the first connection fails.
    pub async fn connect(server: &Server) -> Result<Self, SendError> {
        redis::RedisBus::connect(server).await.map(Self::Redis)
    }

    /// Adds a message to a queue, which exists from the first use on. One of its workers receives the message.
    ///
    /// # Errors
    /// [`SendError`], except `NoMailbox`.
    pub async fn enqueue(&self, queue: Queue, message: &Message) -> Result<(), SendError> {
        on_both!(self, bus => bus.enqueue(queue, message).await)
    }

    /// Adds a message to a mailbox, behind those that are in it.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn post(&self, mailbox: &Mailbox, message: &Message) -> Result<(), SendError> {
        on_both!(self, bus => bus.post(mailbox, message).await)
    }

    /// Returns whether a mailbox refuses new calls, as far as this process knows from recent sends.
    pub fn is_overloaded(&self, mailbox: &Mailbox) -> bool {
        on_both!(self, bus => bus.is_overloaded(mailbox))
    }

    /// Sends a notice to every current subscriber.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn publish(&self, notice: &Notice) -> Result<(), SendError> {
        on_both!(self, bus => bus.publish(notice).await)
    }

    /// Appends records to the log of calls, in one round trip.
    ///
    /// # Errors
    /// `Unavailable`; then some of the records may have been stored.
    pub async fn log_calls(&self, records: &[CallRecord]) -> Result<(), SendError> {
        on_both!(self, bus => bus.log_calls(records).await)
    }

    /// Removes what the logs in Redis have beyond their age and their bytes. A router calls this every few seconds. The
    /// logs in memory are bounded at each line.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn trim_logs(&self) -> Result<(), SendError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(bus) => bus.trim_logs().await,
        }
    }

    /// Joins the workers of a queue. `worker` must be unique among them.
    pub async fn join_workers(&self, queue: Queue, worker: &str) -> Worker {
        match self {
            Self::Memory(bus) => Worker::Memory(bus.join_workers(queue)),
            Self::Redis(bus) => Worker::Redis(bus.join_workers(queue, worker).await),
        }
    }

    /// Opens a mailbox for its one owner. Reading starts behind what the last owner acknowledged.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(&self, mailbox: Mailbox) -> Result<MailboxReader, SendError> {
        match self {
            Self::Memory(bus) => bus.open(mailbox).await.map(MailboxReader::Memory),
            Self::Redis(bus) => bus.open(mailbox).await.map(MailboxReader::Redis),
        }
    }

    /// Returns the unacknowledged messages of a mailbox behind `after`, oldest first, and leaves them there. It is
    /// for a service that takes over sessions of the mailbox's dead owner. A missing mailbox is empty. The offsets
    /// serve as the next `after`, and not for [`ack_through`](MailboxReader::ack_through).
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn read_undelivered(
        &self,
        mailbox: &Mailbox,
        after: Option<MailboxOffset>,
    ) -> Result<Vec<(MailboxOffset, Message)>, SendError> {
        on_both!(self, bus => bus.read_undelivered(mailbox, after).await)
    }

    /// Removes a mailbox and its messages. Its owner calls this when there will be no next owner.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn close(&self, mailbox: &Mailbox) -> Result<(), SendError> {
        on_both!(self, bus => bus.close(mailbox).await)
    }

    /// Subscribes to notices. A subscriber that falls behind by more than 1,024 misses the oldest.
    pub async fn subscribe(&self) -> Notices {
        match self {
            Self::Memory(bus) => Notices::Memory(bus.subscribe()),
            Self::Redis(bus) => Notices::Redis(bus.subscribe().await),
        }
    }

    /// Returns the newest `count` lines of a log, oldest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn tail(&self, log: Log, count: usize) -> Result<Vec<LogLine>, SendError> {
        match self {
            Self::Memory(bus) => Ok(bus.tail(log, count)),
            Self::Redis(bus) => bus.tail(log, count).await,
        }
    }

    /// Reads a log from its newest `count` lines on, and then each new line. No line is skipped or repeated in
    /// between.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn follow(&self, log: Log, count: usize) -> Result<Follower, SendError> {
        match self {
            Self::Memory(bus) => Ok(Follower::Memory(bus.follow(log, count))),
            Self::Redis(bus) => bus.follow(log, count).await.map(Box::new).map(Follower::Redis),
        }
    }

    /// Returns the number of unacknowledged messages of a queue or mailbox.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn backlog(&self, key: &str) -> Result<usize, SendError> {
        match self {
            Self::Memory(bus) => Ok(bus.backlog(key)),
            Self::Redis(bus) => bus.backlog(key).await,
        }
    }

    /// Makes one round trip, with a write that adds nothing. A Redis that refuses writes answers `PING`.
    ///
    /// # Errors
    /// `Unavailable`, also when Redis has just refused another command.
    pub async fn ping(&self) -> Result<(), SendError> {
        on_both!(self, bus => bus.ping().await)
    }

    /// Measures Redis' clock, from which [`clock`](common::clock) derives the time. A bus within this process has none.
    /// Services repeat this every second, because Redis' clock may jump or drift.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn measure_clock(&self) -> Result<(), SendError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(bus) => bus.measure_clock().await,
        }
    }

    /// Returns the statistics of all existing queues, then of those of `mailboxes` that exist, then of all existing
    /// logs. It makes one round trip for each 500 keys.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn stream_stats(&self, mailboxes: &[Mailbox]) -> Result<Vec<StreamStats>, SendError> {
        match self {
            Self::Memory(bus) => Ok(bus.stream_stats(mailboxes)),
            Self::Redis(bus) => bus.stream_stats(mailboxes).await,
        }
    }

    /// Returns the newest `count` entries of a stream, oldest first, and then those that arrive within `watch`. An
    /// arriving entry is included even if a worker finishes it and deletes it meanwhile. Returns `None` where there is
    /// no such stream.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn peek(
        &self,
        key: &str,
        count: usize,
        watch: Duration,
    ) -> Result<Option<Vec<StreamEntry>>, SendError> {
        if !topic::is_known_stream(key) {
            return Ok(None);
        }
        let (count, watch) = (count.min(MAX_ENTRIES), watch.min(MAX_WATCH));
        match self {
            Self::Memory(bus) => Ok(bus.peek(key, count, watch).await),
            Self::Redis(bus) => bus.peek(key, count, watch).await,
        }
    }
}
