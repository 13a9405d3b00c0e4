//! The responses of rest to `/api/v1/cluster` and `/api/v1/streams/KEY/entries`, as far as `top` shows them.
//! What a rest service of another version leaves out is empty.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The cluster at one moment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClusterView {
    /// Unix milliseconds, by the clock of rest.
    pub at: u64,
    /// What needs attention, the worst first.
    pub findings: Vec<Finding>,
    pub streams: Vec<StreamStats>,
    pub services: Vec<Service>,
    pub departed: Vec<Departed>,
    pub backends: Vec<Backend>,
    pub calls: CallStats,
}

impl ClusterView {
    /// Returns the worst severity of the findings about this stream, service or backend.
    pub fn severity(&self, kind: &str, name: &str) -> Option<Severity> {
        let about = |finding: &&Finding| finding.about.kind == kind && finding.about.name == name;
        self.findings.iter().filter(about).map(|finding| finding.severity).min()
    }

    /// Returns whether there is a finding of this kind about this stream, service or backend.
    pub fn has_finding(&self, code: &str, name: &str) -> bool {
        self.findings.iter().any(|finding| finding.code == code && finding.about.name == name)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Clients are affected, or will be soon.
    Critical,
    /// Needs attention today.
    Warning,
    /// Intended, or of no consequence.
    #[default]
    #[serde(other)]
    Info,
}

/// What rest reports as wrong with a part of the cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Finding {
    pub severity: Severity,
    /// The kind of finding.
    pub code: String,
    pub about: About,
    pub summary: String,
    /// The numbers; may be empty.
    pub detail: String,
}

/// The part of the cluster that a finding is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct About {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
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
    pub host: String,
    /// Unix milliseconds.
    pub since: u64,
    pub load: BTreeMap<String, u64>,
    pub state: String,
    /// Why it is not ready.
    pub complaint: Option<String>,
}

/// A service that left the cluster lately.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Departed {
    /// Its last registration.
    pub service: Service,
    /// `died` or `stopped`.
    pub how: String,
    /// Unix milliseconds.
    pub at: u64,
}

/// A Janus server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Backend {
    pub name: String,
    pub status: String,
    /// The status as text.
    pub health: String,
    /// `closed`, `half_open` or `open`.
    pub breaker: Option<String>,
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

/// The calls of the last minutes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RecentCalls {
    /// The start of the counts, in unix milliseconds.
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

/// The steps until a call rings, in order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SetupSteps {
    pub queue: Percentiles,
    pub directory: Percentiles,
    pub place: Percentiles,
    pub attach: Percentiles,
    pub ring: Percentiles,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StreamEntries {
    pub entries: Vec<StreamEntry>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct StreamEntry {
    pub id: String,
    /// Unix milliseconds.
    pub at: u64,
    pub fields: Map<String, Value>,
}
