//! Statistics of the streams: as operators see them in `/api/v1/cluster`, and as metrics.

use bus::inspect::{StreamKind, StreamStats};
use serde::Serialize;
use service::metrics::on_scrape::MetricFamily;

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

fn kind_name(kind: StreamKind) -> &'static str {
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

/// A value of a stream, if it has one.
type Measure = fn(&StreamStats) -> Option<f64>;

/// Name, type, help text and value.
const FAMILIES: [(&str, &str, &str, Measure); 6] = [
    (
        "switchboard_stream_entries",
        "gauge",
        "Entries of a stream; of a queue or mailbox those not handled yet.",
        |stream| Some(stream.length as f64),
    ),
    (
        "switchboard_stream_added_total",
        "counter",
        "Entries ever added to a stream since it was created.",
        |stream| Some(stream.added as f64),
    ),
    (
        "switchboard_stream_oldest_seconds",
        "gauge",
        "Age of the oldest entry not handled yet; 0 if there is none.",
        |stream| Some(stream.oldest.unwrap_or_default().as_secs_f64()),
    ),
    (
        "switchboard_stream_pending_entries",
        "gauge",
        "Entries of a queue that consumers have received and not acknowledged.",
        |stream| stream.workers.map(|workers| workers.pending as f64),
    ),
    ("switchboard_stream_consumers", "gauge", "Consumers of a queue.", |stream| {
        stream.workers.map(|workers| workers.consumers as f64)
    }),
    (
        "switchboard_stream_redelivered_total",
        "counter",
        "Entries of a queue that were given to another consumer, since the stream was created.",
        |stream| stream.workers.map(|workers| workers.redelivered as f64),
    ),
];

/// Returns the metrics of these streams.
pub(super) fn metric_families(streams: &[StreamStats]) -> Vec<MetricFamily> {
    let family = |(name, kind, help, measure): (&'static str, &'static str, &'static str, Measure)| {
        let values = streams.iter().filter_map(|stream| Some((labels(stream), measure(stream)?)));
        MetricFamily { name, kind, help, values: values.collect() }
    };
    FAMILIES.into_iter().map(family).collect()
}

fn labels(stream: &StreamStats) -> Vec<(&'static str, String)> {
    vec![("stream", short_name(&stream.key).to_owned()), ("kind", kind_name(stream.kind).to_owned())]
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
