//! What rest answers to `/api/v1/cluster` and `/api/v1/roads/KEY/entries`, as far as it is shown here. What a
//! rest of another version does not say is empty.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The cluster, as it was at one moment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClusterView {
    /// Unix milliseconds, by the clock of rest.
    pub at: u64,
    pub streams: Vec<StreamStats>,
    pub services: Vec<Service>,
    pub backends: Vec<Backend>,
    pub calls: CallStats,
}

/// A stream between services.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StreamStats {
    pub key: String,
    pub kind: String,
    pub length: u64,
    /// How many entries were ever added.
    pub added: u64,
    pub oldest_ms: Option<u64>,
    pub pending: Option<u64>,
    pub consumers: Option<u64>,
    pub redelivered: Option<u64>,
}

/// A process of the cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    pub id: String,
    pub kind: String,
    pub version: String,
    pub host: String,
    /// Unix milliseconds.
    pub since: u64,
    /// When it announced itself last, by its own clock, unix milliseconds.
    pub announced: u64,
    pub load: BTreeMap<String, u64>,
    pub state: String,
    pub complaint: Option<String>,
}

/// A service that has not announced itself for so long, in milliseconds, is silent: it does so every 5 s.
const ANNOUNCE_TIMEOUT_MS: u64 = 8_000;

impl Service {
    /// For how long it should have announced itself and has not; clocks of two hosts may differ.
    pub fn silent_for(&self, now: u64) -> Option<u64> {
        let silence = now.saturating_sub(self.announced);
        (self.announced > 0 && silence > ANNOUNCE_TIMEOUT_MS).then_some(silence)
    }
}

/// A Janus server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Backend {
    pub name: String,
    pub status: String,
    /// The status in words.
    pub health: String,
    pub calls: u64,
    pub drained: bool,
    pub probe_ms: Option<u64>,
    pub served_by: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CallStats {
    pub now: u64,
    pub recent: RecentCalls,
}

/// What became of calls lately.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RecentCalls {
    /// Unix milliseconds from which on all was counted.
    pub since: u64,
    pub rang: u64,
    pub answered: u64,
    pub ended: u64,
    pub reasons: BTreeMap<String, u64>,
    pub setup_ms: Percentiles,
    pub steps_ms: SetupSteps,
}

/// Milliseconds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p99: Option<f64>,
}

/// The steps until a call rings, in their order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SetupSteps {
    pub queue: Percentiles,
    pub directory: Percentiles,
    pub place: Percentiles,
    pub attach: Percentiles,
    pub ring: Percentiles,
}

/// The entries of a road.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StreamEntries {
    pub entries: Vec<StreamEntry>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct StreamEntry {
    pub id: String,
    /// Unix milliseconds.
    pub at: u64,
    pub fields: Map<String, Value>,
}
