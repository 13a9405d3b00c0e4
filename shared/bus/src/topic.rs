//! The streams: their keys and their bounds. No other file contains a key.
//!
//! The keys of queues and mailboxes have a Redis Cluster hash tag, so that a cluster spreads them over its nodes. No
//! operation needs two of them in one step.

use common::{BackendName, ServiceId, SizeLimit};
use protocol::SessionId;
use std::time::Duration;

/// The number of streams of the `requests` queue; equal in all services of a cluster.
pub const REQUEST_SHARDS: u8 = 2;

/// A message of a queue that was not acknowledged for this long is delivered to another worker.
pub const REDELIVER_AFTER: Duration = Duration::from_secs(2);
/// A message that was delivered this often without success goes to [`Log::Dead`].
pub const MAX_DELIVERIES: u32 = 5;
/// A queue or mailbox with this many unacknowledged messages refuses more, and large ones before that:
/// [`SendError::Full`](crate::SendError::Full).
pub const MAX_BACKLOG: usize = 50_000;
/// A queue with this many messages refuses requests for new calls. The caller gets its refusal at once, and
/// established calls take priority.
pub const OVERLOADED_QUEUE: usize = 2_000;
/// A mailbox with this many messages refuses new calls. One call takes about five messages.
pub const OVERLOADED_MAILBOX: usize = 4_000;
/// A mailbox without an owner expires after this time.
pub const MAILBOX_TTL: Duration = Duration::from_secs(120);
/// The largest payload of a message, in bytes. It holds what Janus makes of the largest frame that an edge takes: of
/// 512 KiB with 4,096 lines, 64 of which are about media, Janus 1.1.2 makes 533,760 bytes (measured).
pub const MAX_PAYLOAD: usize = 1 << 20;
/// The bytes of messages of one size in a queue, and of new calls in a mailbox. Larger messages are refused by a
/// shorter stream ([`SizeLimit`]).
pub const MAX_REQUEST_BYTES: usize = 16 << 20;
/// The same for the other messages in a mailbox.
pub const MAX_MAILBOX_BYTES: usize = 32 << 20;

/// The bound of a queue for messages that begin no call.
pub(crate) const QUEUE_LIMIT: SizeLimit = SizeLimit { entries: MAX_BACKLOG, bytes: MAX_REQUEST_BYTES };
/// The bound of a queue for messages that begin a call.
pub(crate) const QUEUED_CALL_LIMIT: SizeLimit =
    SizeLimit { entries: OVERLOADED_QUEUE, bytes: MAX_REQUEST_BYTES };
/// The bound of a mailbox for messages that begin no call.
pub(crate) const MAILBOX_LIMIT: SizeLimit = SizeLimit { entries: MAX_BACKLOG, bytes: MAX_MAILBOX_BYTES };
/// The bound of a mailbox for messages that begin a call.
pub(crate) const POSTED_CALL_LIMIT: SizeLimit =
    SizeLimit { entries: OVERLOADED_MAILBOX, bytes: MAX_REQUEST_BYTES };

/// A stream that many workers share. Each message goes to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Requests to the routers, by shard.
    Requests(u8),
    /// Requests to janus-cloud's proxies, for the rest services to send.
    Proxies,
}

impl Queue {
    /// The shard of `requests` for the messages of a session.
    pub fn requests_for(session: SessionId) -> Self {
        Self::Requests((session.0 % u64::from(REQUEST_SHARDS)) as u8)
    }

    /// Every shard of `requests`.
    pub fn all_requests() -> impl Iterator<Item = Self> {
        (0..REQUEST_SHARDS).map(Self::Requests)
    }

    /// Every queue, shard by shard.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::all_requests().chain([Self::Proxies])
    }

    /// The stream's key.
    pub fn key(&self) -> String {
        match self {
            Self::Requests(shard) => format!("sb:{{requests:{shard}}}"),
            Self::Proxies => "sb:{proxies}".to_owned(),
        }
    }
}

/// A stream with one reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mailbox {
    /// To an edge: events for its clients.
    Edge(ServiceId),
    /// To a rest service: replies that janus-cloud's proxies wait for.
    Rest(ServiceId),
    /// To the connector that serves this Janus: calls to set up, and requests on their legs.
    Backend(BackendName),
}

impl Mailbox {
    /// The stream's key.
    pub fn key(&self) -> String {
        match self {
            Self::Edge(service) | Self::Rest(service) => format!("sb:{{{service}}}"),
            Self::Backend(name) => format!("sb:{{backend:{name}}}"),
        }
    }
}

/// A capped stream for operators and other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Log {
    /// One line when a call rings, one when it is answered, one when it ends.
    Calls,
    /// Messages that failed [`MAX_DELIVERIES`] times, or could not be decoded.
    Dead,
}

impl Log {
    /// All logs there are.
    pub const ALL: [Self; 2] = [Self::Calls, Self::Dead];

    /// The stream's key.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Calls => "sb:calls",
            Self::Dead => "sb:dead",
        }
    }

    /// The bound in bytes, approximately; the oldest entries are removed. In Redis [`Bus::trim_logs`](crate::Bus::trim_logs)
    /// removes them, with what Redis' own structures take counted.
    pub fn max_bytes(&self) -> usize {
        match self {
            Self::Calls => 64 << 20,
            Self::Dead => 32 << 20,
        }
    }

    /// How long entries are kept in Redis. [`Bus::trim_logs`](crate::Bus::trim_logs) removes older ones.
    pub fn max_age(&self) -> Duration {
        Duration::from_secs(7 * 24 * 60 * 60)
    }

    /// The approximate number of entries that are kept.
    pub fn cap(&self) -> usize {
        match self {
            Self::Calls => 100_000,
            Self::Dead => 10_000,
        }
    }
}

/// Whether a key has the form of a stream's key.
pub(crate) fn is_known_stream(key: &str) -> bool {
    let has_owner_prefix =
        |name: &str| ["edge-", "rest-", "backend:"].iter().any(|kind| name.starts_with(kind));
    let mailbox = key.strip_prefix("sb:{").and_then(|key| key.strip_suffix('}'));
    mailbox.is_some_and(has_owner_prefix)
        || Queue::all().any(|queue| queue.key() == key)
        || Log::ALL.iter().any(|log| log.key() == key)
}

/// The key of the counter of a queue's redeliveries.
pub(crate) fn redelivered_key(queue: &str) -> String {
    format!("{queue}:redelivered")
}

/// The pub/sub channel of [`Notice`](crate::message::Notice)s.
pub const NOTICES: &str = "sb:notices";
/// Notices that wait for a slow subscriber; for a further one the oldest is dropped.
pub(crate) const NOTICE_BUFFER: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_streams_are_recognised() {
        let (edge, rest) = (ServiceId::from("edge-1"), ServiceId::from("rest-1"));
        let mailboxes = [Mailbox::Edge(edge), Mailbox::Rest(rest), Mailbox::Backend("a:8188".into())];
        let mailboxes = mailboxes.iter().map(Mailbox::key);
        let all = Queue::all().map(|queue| queue.key()).chain(mailboxes);
        for key in all.chain(Log::ALL.map(|log| log.key().to_owned())) {
            assert!(is_known_stream(&key), "{key}");
        }
        for key in ["", "sb:session:1", "sb:{requests:9}", "sb:{requests:0}:redelivered", "sb:{x}", "edge-1"]
        {
            assert!(!is_known_stream(key), "{key}");
        }
    }
}
