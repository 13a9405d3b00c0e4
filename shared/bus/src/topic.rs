//! Every road of the bus and its name. Nothing else in the project spells a stream or channel name.
//!
//! A queue and a mailbox carry a Redis Cluster hash tag, so that the cluster spreads them over its
//! nodes; no operation needs two of them in one step.

use common::{BackendName, ServiceId};
use protocol::SessionId;

/// How many streams the `requests` queue is spread over. Every service of a cluster must agree.
pub const REQUEST_SHARDS: u8 = 2;

/// A stream that many workers share: each message is handled by one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// What clients ask for that needs a decision, to the routers; by shard.
    Requests(u8),
    /// Requests to proxies of other makes, to the rest services.
    Proxies,
}

impl Queue {
    /// The shard of `requests` that a session's messages go to.
    pub fn requests_for(session: SessionId) -> Self {
        Self::Requests((session.0 % u64::from(REQUEST_SHARDS)) as u8)
    }

    /// Every shard of `requests`.
    pub fn all_requests() -> impl Iterator<Item = Self> {
        (0..REQUEST_SHARDS).map(Self::Requests)
    }

    /// Every queue.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::all_requests().chain([Self::Proxies])
    }

    /// The stream's key.
    pub fn key(&self) -> String {
        match self {
            Self::Requests(shard) => format!("sb:{{requests:{shard}}}"),
            Self::Proxies => "sb:{peers}".to_owned(),
        }
    }
}

/// A stream with one reader, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mailbox {
    /// To one edge: what its clients are to hear.
    Edge(ServiceId),
    /// To one rest service: what peers wait for.
    Rest(ServiceId),
    /// To whichever connector serves this Janus: calls to place, and what happens on their legs.
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

/// A capped stream for people and other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Log {
    /// Ringing, answered, ended: a line of every call's life.
    Calls,
    /// Messages that failed [`MAX_DELIVERIES`](crate::MAX_DELIVERIES) times, or could not be read.
    Dead,
}

impl Log {
    /// Every log.
    pub const ALL: [Self; 2] = [Self::Calls, Self::Dead];

    /// The stream's key.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Calls => "sb:calls",
            Self::Dead => "sb:dead",
        }
    }

    /// About how many entries are kept.
    pub fn cap(&self) -> usize {
        match self {
            Self::Calls => 100_000,
            Self::Dead => 10_000,
        }
    }
}

/// Whether a key is spelled as that of a road.
pub(crate) fn is_known_stream(key: &str) -> bool {
    let of_owner = |name: &str| ["edge-", "rest-", "backend:"].iter().any(|kind| name.starts_with(kind));
    let mailbox = key.strip_prefix("sb:{").and_then(|key| key.strip_suffix('}'));
    mailbox.is_some_and(of_owner)
        || Queue::all().any(|queue| queue.key() == key)
        || Log::ALL.iter().any(|log| log.key() == key)
}

/// The number beside a queue's stream of how often an entry of it was given to another worker.
pub(crate) fn redelivered_key(queue: &str) -> String {
    format!("{queue}:redelivered")
}

/// The pub/sub channel of [`Notice`](crate::message::Notice)s.
pub const NOTICES: &str = "sb:notices";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roads_are_told_from_other_keys() {
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
