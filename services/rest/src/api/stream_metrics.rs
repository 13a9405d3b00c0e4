//! Metrics of the streams, read when Prometheus scrapes: a mailbox that is deleted is no longer exported. Every rest
//! service exports the same streams, so queries take the maximum over instances.

use super::cluster;
use super::state::ApiState;
use super::streams::{kind_name, short_name};
use bus::inspect::StreamStats;
use service::metrics::on_scrape::{CollectFn, MetricFamily};
use std::sync::Arc;

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

/// Returns the function that reads them.
pub(super) fn collector(state: ApiState) -> CollectFn {
    Arc::new(move || {
        let state = state.clone();
        Box::pin(async move { Some(families(&cluster::stream_stats(&state).await.ok()?)) })
    })
}

fn families(streams: &[StreamStats]) -> Vec<MetricFamily> {
    let family = |(name, kind, help, measure): (&'static str, &'static str, &'static str, Measure)| {
        let values = streams.iter().filter_map(|stream| Some((labels(stream), measure(stream)?)));
        MetricFamily { name, kind, help, values: values.collect() }
    };
    FAMILIES.into_iter().map(family).collect()
}

fn labels(stream: &StreamStats) -> Vec<(&'static str, String)> {
    vec![("stream", short_name(&stream.key).to_owned()), ("kind", kind_name(stream.kind).to_owned())]
}
