//! Statistics and entries of the streams, for operators.
//!
//! Both are read from the streams on request, and inspected entries stay where they are. An acknowledged entry is
//! deleted, so a healthy stream is empty most of the time. To see its messages, watch it for a while. An entry that is
//! deleted before it can be read may be missed.

use crate::codec::{self, Fields, LogLine};
use std::time::Duration;

/// A consumer that was idle for longer is not counted. So a stopped worker is counted for at most this long.
pub const CONSUMER_IDLE_LIMIT: Duration = Duration::from_secs(10);
/// The most entries that are returned, of the stored ones and of the arriving ones.
pub const MAX_ENTRIES: usize = 100;
/// The stored entries that are returned have about this many bytes, and one entry more.
pub const MAX_BYTES: usize = 1 << 20;
/// The longest time to watch for arriving entries.
pub const MAX_WATCH: Duration = Duration::from_secs(2);

/// The statistics of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStats {
    /// The key of the stream.
    pub key: String,
    /// What the stream is used for.
    pub kind: StreamKind,
    /// Entries: in a queue or mailbox the unacknowledged ones, in a log all that are kept.
    pub length: u64,
    /// Entries that were ever added. The count starts again when the stream is created again.
    pub added: u64,
    /// The age of the oldest unacknowledged entry; `None` when there is none, and for a log.
    pub oldest: Option<Duration>,
    /// The workers of a queue; `None` for a mailbox or log.
    pub workers: Option<Workers>,
}

/// What a stream is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// A queue, see [`Queue`](crate::topic::Queue).
    Queue,
    /// A mailbox, see [`Mailbox`](crate::topic::Mailbox).
    Mailbox,
    /// A log, see [`Log`](crate::topic::Log).
    Log,
}

/// The workers of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// The number of workers. One that has stopped is counted for up to [`CONSUMER_IDLE_LIMIT`].
    pub consumers: u64,
    /// Entries that were delivered and not acknowledged, including those that a worker on Redis has prefetched.
    pub pending: u64,
    /// Redeliveries since the stream was created.
    pub redelivered: u64,
}

/// An entry of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// The entry's id; ids of later entries are greater, number by number.
    pub id: String,
    /// When the entry was added, in unix milliseconds.
    pub at: u64,
    /// The fields of the entry, as text.
    pub fields: LogLine,
}

impl StreamEntry {
    pub(crate) fn new(id: String, at: u64, fields: &Fields) -> Self {
        Self { id, at, fields: codec::to_text_fields(fields) }
    }
}
