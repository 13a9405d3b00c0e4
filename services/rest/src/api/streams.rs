//! The streams of the cluster: their statistics, as operators see them.

use super::backends::{self, BackendView};
use super::problem::Problem;
use super::state::ApiState;
use bus::streams::{StreamKind, StreamStats};
use bus::topic::Mailbox;
use common::ServiceId;
use directory::listing::Service;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

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

/// Reads the statistics of all streams.
pub(super) async fn read(state: &ApiState) -> Result<Vec<StreamStats>, Problem> {
    let (backends, services, edges) = tokio::try_join!(
        backends::served_or_drained(state),
        async { Ok(state.directory.services().await?) },
        async { Ok(state.directory.stale_edges(Duration::ZERO).await?) },
    )?;
    Ok(state.bus.stream_stats(&mailboxes(&backends, &services, edges)).await?)
}

/// Returns every mailbox that may exist. A dead edge is no longer a registered service, but until a router has reaped
/// it, its mailbox may hold messages: `edges` are all that have not been reaped.
pub(super) fn mailboxes(
    backends: &[BackendView],
    services: &[Service],
    edges: Vec<ServiceId>,
) -> Vec<Mailbox> {
    let of_kind = |kind: &'static str| {
        services.iter().filter(move |service| service.kind == kind).map(|service| service.id.clone())
    };
    let edges: BTreeSet<ServiceId> = of_kind("edge").chain(edges).collect();
    let backends = backends.iter().map(|backend| Mailbox::Backend(backend.name.clone()));
    edges.into_iter().map(Mailbox::Edge).chain(of_kind("rest").map(Mailbox::Rest)).chain(backends).collect()
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
