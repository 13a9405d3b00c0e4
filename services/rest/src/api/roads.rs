//! The roads of the bus as numbers for `/metrics`: what `/api/v1/cluster` says of each, looked up when
//! somebody scrapes. A mailbox that is gone is gone from them.
//!
//! Every rest service tells the same of the same roads: whoever adds up takes the largest of each.

use super::ApiState;
use super::watch::{self, kind_name};
use bus::streams::StreamStats;
use service::metrics::on_scrape::{CollectFn, MetricFamily};
use std::sync::Arc;

/// A number of a road, if it has it.
type Measure = fn(&StreamStats) -> Option<f64>;

/// Name, kind, words, number.
const FAMILIES: [(&str, &str, &str, Measure); 6] = [
    (
        "switchboard_road_entries",
        "gauge",
        "Entries of a stream; those of queues and mailboxes are not done.",
        |road| Some(road.length as f64),
    ),
    (
        "switchboard_road_added_total",
        "counter",
        "Entries ever added to a stream since it was made.",
        |road| Some(road.added as f64),
    ),
    (
        "switchboard_road_oldest_seconds",
        "gauge",
        "Age of the oldest entry not done; 0 when all is done.",
        |road| Some(road.oldest.unwrap_or_default().as_secs_f64()),
    ),
    (
        "switchboard_road_pending_entries",
        "gauge",
        "Entries of a queue that workers have taken and not done.",
        |road| road.workers.map(|workers| workers.pending as f64),
    ),
    ("switchboard_road_consumers", "gauge", "Workers of a queue.", |road| {
        road.workers.map(|workers| workers.consumers as f64)
    }),
    (
        "switchboard_road_redelivered_total",
        "counter",
        "Entries of a queue that another worker had to do again, since the stream was made.",
        |road| road.workers.map(|workers| workers.redelivered as f64),
    ),
];

/// Looks them up in this cluster.
pub(super) fn metric_source(cluster: ApiState) -> CollectFn {
    Arc::new(move || {
        let cluster = cluster.clone();
        Box::pin(async move { Some(families(&watch::stream_stats(&cluster).await.ok()?)) })
    })
}

fn families(roads: &[StreamStats]) -> Vec<MetricFamily> {
    let family = |(name, kind, help, number): (&'static str, &'static str, &'static str, Measure)| {
        let values = roads.iter().filter_map(|road| Some((labels(road), number(road)?)));
        MetricFamily { name, kind, help, values: values.collect() }
    };
    FAMILIES.into_iter().map(family).collect()
}

fn labels(road: &StreamStats) -> Vec<(&'static str, String)> {
    let name = road.key.trim_start_matches("sb:").trim_matches(['{', '}']);
    vec![("road", name.to_owned()), ("kind", kind_name(road.kind).to_owned())]
}
