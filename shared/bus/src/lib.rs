//! The road between services.
//!
//! Three kinds of road and a log, each with one guarantee. [`memory`] and [`redis`] both keep them;
//! `tests/conformance/` says so for both.
//!
//! | road | one message is seen by | order | lost when |
//! |---|---|---|---|
//! | [`Queue`] | one of many workers; again by another when that one dies | none | never; after five failed deliveries it is in [`Log::Dead`], unless it is a canary |
//! | [`Mailbox`] | its one owner, or whoever owns it next | kept | the mailbox is closed, or has had no owner for [`MAILBOX_LIFE`] |
//! | [`Notice`] | every subscriber at that moment | kept | nobody listens, or a connection breaks |
//! | [`Log`] | anybody, later | kept | the log has grown past its cap |
//!
//! How it fails: a send either returns `Ok`, then the bus has the message, or an error, then it
//! *may* have it (a connection can break between the two). Readers never fail: they reconnect with
//! a growing pause and go on where they were. Because a message can come twice, whoever handles one
//! must recognise by its id what is done already.

pub mod ack_tracker;
pub mod codec;
pub mod entries;
pub mod memory;
pub mod message;
pub mod metrics;
pub mod redis;
pub mod streams;
pub mod topic;

mod ends;
mod follow;
mod line;

pub use ends::{Delivery, MailboxOffset, MailboxReader, Notices, Worker};
pub use follow::Follower;

use message::{CallRecord, Message, Notice};
use std::time::Duration;
use topic::{Log, Mailbox, Queue};

/// A queue's message is given to another worker when nobody has finished it for this long.
pub const REDELIVER_AFTER: Duration = Duration::from_secs(2);
/// A message that has been delivered so often without success goes to [`Log::Dead`].
pub const MAX_DELIVERIES: u32 = 5;
/// A queue or mailbox with this many unfinished messages takes no more: [`SendError::Full`].
pub const MAX_BACKLOG: usize = 50_000;
/// A queue with this many takes no more that begins a call: who asks for one is told so at once, and the calls
/// that are on come first.
pub const OVERLOADED_QUEUE: usize = 2_000;
/// The same for a mailbox, where a call has about five messages.
pub const OVERLOADED_MAILBOX: usize = 4_000;
/// How long a mailbox waits for its next owner after the last one stopped.
pub const MAILBOX_TTL: Duration = Duration::from_secs(120);
/// The largest payload of one message, in bytes.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// How many notices a listener may fall behind by.
const NOTICE_BUFFER: usize = 1024;
/// The error in the dead log of a message whose workers all went silent.
const DELIVERIES_EXHAUSTED: &str = "delivered five times, never finished";

/// Why the bus did not take a message.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nobody has opened that mailbox, or its owner is long gone.
    #[error("no such mailbox")]
    NoMailbox,
    /// [`MAX_BACKLOG`] is reached; for what begins a call, [`OVERLOADED_QUEUE`] or [`OVERLOADED_MAILBOX`].
    #[error("the road is full")]
    Full,
    /// Larger than [`MAX_PAYLOAD`].
    #[error("the message is too large")]
    TooLarge,
    /// The bus cannot be reached, or did not answer in time.
    #[error("the bus is not available: {0}")]
    Unavailable(String),
}

/// A handle on the bus; clones share it.
#[derive(Clone)]
pub enum Bus {
    /// Within this process.
    Memory(memory::MemoryBus),
    /// Over a Redis server.
    Redis(redis::RedisBus),
}

impl Bus {
    /// A bus within this process.
    pub fn memory() -> Self {
        Self::Memory(memory::MemoryBus::default())
    }

    /// A bus over the Redis at `url` (`redis[s]://[USER:SECRET@]HOST[:PORT][/DB]`).
    ///
    /// # Errors
    /// When the URL makes no sense, or the first connection fails.
    pub async fn redis(url: &str) -> Result<Self, SendError> {
        Self::redis_with_ca(url, None).await
    }

    /// The same over TLS, with a server that shows a certificate of `ca` (PEM) instead of one that the
    /// system trusts.
    ///
    /// # Errors
    /// As [`redis`](Self::redis); also when there is a `ca` and the URL is none of `rediss://`.
    pub async fn redis_with_ca(url: &str, ca: Option<&[u8]>) -> Result<Self, SendError> {
        redis::RedisBus::connect(url, ca).await.map(Self::Redis)
    }

    /// Adds a message to a queue. One of its workers will get it.
    ///
    /// # Errors
    /// [`SendError`], but never `NoMailbox`: a queue is there as soon as it is named.
    pub async fn enqueue(&self, queue: Queue, message: &Message) -> Result<(), SendError> {
        match self {
            Self::Memory(bus) => bus.enqueue(queue, message).await,
            Self::Redis(bus) => bus.enqueue(queue, message).await,
        }
    }

    /// Adds a message to a mailbox, behind all that are in it.
    ///
    /// # Errors
    /// [`SendError`]; `NoMailbox` where nobody opened it.
    pub async fn post(&self, mailbox: &Mailbox, message: &Message) -> Result<(), SendError> {
        match self {
            Self::Memory(bus) => bus.post(mailbox, message).await,
            Self::Redis(bus) => bus.post(mailbox, message).await,
        }
    }

    /// Whether a mailbox, as far as this process knows without asking, takes nothing that begins a call.
    pub fn is_overloaded(&self, mailbox: &Mailbox) -> bool {
        match self {
            Self::Memory(bus) => bus.is_overloaded(mailbox),
            Self::Redis(bus) => bus.is_overloaded(mailbox),
        }
    }

    /// Tells every subscriber; nobody hears it who is not listening now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn publish(&self, notice: &Notice) -> Result<(), SendError> {
        match self {
            Self::Memory(bus) => bus.publish(notice).await,
            Self::Redis(bus) => bus.publish(notice).await,
        }
    }

    /// Adds lines to the `calls` log, all at once.
    ///
    /// # Errors
    /// `Unavailable`; some of them may be there.
    pub async fn log_calls(&self, records: &[CallRecord]) -> Result<(), SendError> {
        match self {
            Self::Memory(bus) => bus.log_calls(records).await,
            Self::Redis(bus) => bus.log_calls(records).await,
        }
    }

    /// Joins the workers of a queue under a name that no other worker of it has.
    pub async fn join_workers(&self, queue: Queue, worker: &str) -> Worker {
        match self {
            Self::Memory(bus) => Worker::Memory(bus.join_workers(queue, worker)),
            Self::Redis(bus) => Worker::Redis(bus.join_workers(queue, worker).await),
        }
    }

    /// Opens a mailbox for its one owner. Reading starts where the last owner stopped.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(&self, mailbox: Mailbox) -> Result<MailboxReader, SendError> {
        match self {
            Self::Memory(bus) => bus.open(mailbox).await.map(MailboxReader::Memory),
            Self::Redis(bus) => bus.open(mailbox).await.map(MailboxReader::Redis),
        }
    }

    /// What lies in a mailbox behind `after`, oldest first, for one who does not own it but inherits
    /// from a dead owner. It stays there. A mailbox that is not there holds nothing. The marks are good
    /// for asking again, not for [`done_until`](MailboxReader::done_until).
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn read_undelivered(
        &self,
        mailbox: &Mailbox,
        after: Option<MailboxOffset>,
    ) -> Result<Vec<(MailboxOffset, Message)>, SendError> {
        match self {
            Self::Memory(bus) => bus.read_undelivered(mailbox, after).await,
            Self::Redis(bus) => bus.read_undelivered(mailbox, after).await,
        }
    }

    /// Removes a mailbox with all that is in it: its owner says that there will be no next one.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn close(&self, mailbox: &Mailbox) -> Result<(), SendError> {
        match self {
            Self::Memory(bus) => bus.close(mailbox).await,
            Self::Redis(bus) => bus.close(mailbox).await,
        }
    }

    /// Listens to notices from now on. A listener that falls behind by 1,024 misses the oldest.
    pub async fn subscribe(&self) -> Notices {
        match self {
            Self::Memory(bus) => Notices::Memory(bus.subscribe()),
            Self::Redis(bus) => Notices::Redis(bus.subscribe().await),
        }
    }

    /// The newest `count` lines of a log, oldest first, as field and value pairs.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn tail(&self, log: Log, count: usize) -> Result<Vec<LogLine>, SendError> {
        match self {
            Self::Memory(bus) => Ok(bus.tail(log, count)),
            Self::Redis(bus) => bus.tail(log, count).await,
        }
    }

    /// How many messages a queue or mailbox holds that nobody has finished.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn backlog(&self, key: &str) -> Result<usize, SendError> {
        match self {
            Self::Memory(bus) => Ok(bus.backlog(key)),
            Self::Redis(bus) => bus.backlog(key).await,
        }
    }

    /// One round trip to the bus and back.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ping(&self) -> Result<(), SendError> {
        match self {
            Self::Memory(bus) => bus.ping().await,
            Self::Redis(bus) => bus.ping().await,
        }
    }
}

/// One line of a log.
pub type LogLine = Vec<(String, String)>;
