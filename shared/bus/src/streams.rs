//! What an operator watches of the roads: how long each is, how fast it grows, and how long its oldest
//! entry has waited. Nothing is kept for it; all is read from the roads when somebody looks.

use crate::topic::Mailbox;
use crate::{Bus, SendError};
use std::time::Duration;

/// For how long a worker that is gone may still be counted, at most.
pub const CONSUMER_IDLE_LIMIT: Duration = Duration::from_secs(10);

/// One stream, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStats {
    /// The stream's key.
    pub key: String,
    /// What it is used for.
    pub kind: StreamKind,
    /// How many entries it has. Those of a queue or mailbox are not done; those of a log are what is kept.
    pub length: u64,
    /// How many entries were ever added: the difference of two looks is how many came between. It begins
    /// anew when the stream is made anew.
    pub added: u64,
    /// For how long its oldest entry that is not done has been there; none when all is done, and for a log.
    pub oldest: Option<Duration>,
    /// Who works on it; none but for a queue.
    pub workers: Option<Workers>,
}

/// What a road is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// A [`Queue`](crate::topic::Queue).
    Queue,
    /// A [`Mailbox`].
    Mailbox,
    /// A [`Log`](crate::topic::Log).
    Log,
}

/// Who works on a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// How many there are. One that is gone is counted for up to [`GONE_AFTER`].
    pub consumers: u64,
    /// How many entries they have taken and not finished; workers on Redis read ahead.
    pub pending: u64,
    /// How often an entry was given to another worker, because the one that had it did not finish it, since
    /// the stream was made.
    pub redelivered: u64,
}

impl Bus {
    /// The roads that are there: queues, then those of these mailboxes that exist, in their order, then
    /// logs. One round trip for each 500 of them, however many there are of which only the name is known.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn stream_stats(&self, mailboxes: &[Mailbox]) -> Result<Vec<StreamStats>, SendError> {
        match self {
            Self::Memory(bus) => Ok(bus.stream_stats(mailboxes)),
            Self::Redis(bus) => bus.stream_stats(mailboxes).await,
        }
    }
}
