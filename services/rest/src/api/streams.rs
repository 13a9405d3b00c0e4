//! Statistics of a stream, as operators see them, and its name.

use bus::inspect::{StreamKind, StreamStats};
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub(super) struct StreamView {
    pub key: String,
    pub kind: &'static str,
    pub length: u64,
    pub added: u64,
    pub oldest_ms: Option<u64>,
    pub pending: Option<u64>,
    pub consumers: Option<u64>,
    pub redelivered: Option<u64>,
}

impl From<StreamStats> for StreamView {
    fn from(StreamStats { key, kind, length, added, oldest, workers }: StreamStats) -> Self {
        let kind = kind_name(kind);
        let oldest_ms = oldest.map(|oldest| oldest.as_millis() as u64);
        let (pending, consumers) = workers.map(|workers| (workers.pending, workers.consumers)).unzip();
        let redelivered = workers.map(|workers| workers.redelivered);
        Self { key, kind, length, added, oldest_ms, pending, consumers, redelivered }
    }
}

pub(super) fn kind_name(kind: StreamKind) -> &'static str {
    match kind {
        StreamKind::Queue => "queue",
        StreamKind::Mailbox => "mailbox",
        StreamKind::Log => "log",
    }
}

/// Returns a stream's key without the part that all keys share: `backend:a` for `sb:{backend:a}`.
pub(super) fn short_name(key: &str) -> &str {
    let name = key.strip_prefix("sb:").unwrap_or(key);
    name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn short_name_is_the_key_without_prefix_and_hash_tag() {
        for (key, name) in [
            ("sb:{requests:0}", "requests:0"),
            ("sb:{backend:a}", "backend:a"),
            ("sb:{backend:a:{b}}", "backend:a:{b}"),
            ("sb:dead", "dead"),
        ] {
            assert_eq!(short_name(key), name);
        }
    }
}
