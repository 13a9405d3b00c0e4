//! `/api/v1/cluster`: all that an operator watches, in one answer.
//!
//! One look costs 11 round trips to Redis, and one more for each 500 roads past the first 500: services 2,
//! edges 1, backends 2, their calls 1, their leases 1, drained ones 1, the newest lines of `calls` 2, roads 1.
//! Everybody who asks within [`LIFE`] of it gets the same answer, and while somebody looks the others wait for
//! that; so many dashboards cost one. A look that failed counts as one too: whoever asks is told the same.

use super::backends::{self, BackendView};
use super::problem::Problem;
use super::recent::{self, CallStats, MAX_RECORDS};
use super::{ApiState, services};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bus::streams::{StreamKind, StreamStats};
use bus::topic::{Log, Mailbox};
use common::ServiceId;
use common::entropy::unix_millis;
use directory::listing::Service;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// For how long a look is good.
const CACHE_TTL: Duration = Duration::from_millis(500);

/// The last look, as JSON, and when it was over.
#[derive(Clone, Default)]
pub(super) struct ClusterCache(Arc<Mutex<Option<CachedView>>>);

type CachedView = (Instant, Result<Bytes, Problem>);

#[derive(Serialize)]
struct ClusterView {
    /// Unix milliseconds.
    at: u64,
    streams: Vec<StreamView>,
    services: Vec<Service>,
    backends: Vec<BackendView>,
    calls: CallsView,
}

#[derive(Serialize)]
struct CallsView {
    now: u64,
    recent: CallStats,
}

/// A road, as operators see it.
#[derive(Serialize)]
struct StreamView {
    key: String,
    kind: &'static str,
    length: u64,
    added: u64,
    oldest_ms: Option<u64>,
    pending: Option<u64>,
    consumers: Option<u64>,
    redelivered: Option<u64>,
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

/// `GET /cluster`
pub(super) async fn get(State(cluster): State<ApiState>) -> Result<impl IntoResponse, Problem> {
    let frame = cached_json(&cluster).await?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], frame))
}

/// The cluster as JSON, as it was at most [`LIFE`] ago.
pub(super) async fn cached_json(cluster: &ApiState) -> Result<Bytes, Problem> {
    let mut last = cluster.cache.0.lock().await;
    if let Some((_, look)) = last.as_ref().filter(|(over, _)| over.elapsed() < CACHE_TTL) {
        return look.clone();
    }
    let seen = collect(cluster).await;
    let seen = seen.map(|frame| Bytes::from(serde_json::to_vec(&frame).expect("a frame is plain JSON")));
    last.insert((Instant::now(), seen)).1.clone()
}

async fn collect(cluster: &ApiState) -> Result<ClusterView, Problem> {
    let ApiState { bus, directory, .. } = cluster;
    let (backends, all, edges, lines) = tokio::try_join!(
        backends::served_or_drained(cluster),
        async { Ok(directory.services().await?) },
        async { Ok(directory.stale_edges(Duration::ZERO).await?) },
        async { Ok(bus.tail(Log::Calls, MAX_RECORDS).await?) },
    )?;
    let roads = bus.stream_stats(&mailboxes(&backends, &all, edges)).await?;
    let at = unix_millis();
    Ok(ClusterView {
        at,
        streams: roads.into_iter().map(StreamView::from).collect(),
        services: services::with_connector_load(all, &backends),
        calls: CallsView {
            now: backends.iter().map(|backend| backend.calls).sum(),
            recent: recent::summarize(&lines, at),
        },
        backends,
    })
}

/// The roads alone, as they are now.
pub(super) async fn stream_stats(cluster: &ApiState) -> Result<Vec<StreamStats>, Problem> {
    let (backends, services, edges) = tokio::try_join!(
        backends::served_or_drained(cluster),
        async { Ok(cluster.directory.services().await?) },
        async { Ok(cluster.directory.stale_edges(Duration::ZERO).await?) },
    )?;
    Ok(cluster.bus.stream_stats(&mailboxes(&backends, &services, edges)).await?)
}

/// What a road is used for, in a word.
pub(super) fn kind_name(kind: StreamKind) -> &'static str {
    match kind {
        StreamKind::Queue => "queue",
        StreamKind::Mailbox => "mailbox",
        StreamKind::Log => "log",
    }
}

/// Every mailbox that there may be. An edge that has died is no service any more, but until a router has
/// reaped it there may be something in its mailbox.
fn mailboxes(backends: &[BackendView], services: &[Service], edges: Vec<ServiceId>) -> Vec<Mailbox> {
    let of_kind = |kind: &'static str| {
        let those = services.iter().filter(move |service| service.kind == kind);
        those.map(|service| service.id.clone())
    };
    let edges: BTreeSet<ServiceId> = of_kind("edge").chain(edges).collect();
    let backends = backends.iter().map(|backend| Mailbox::Backend(backend.name.clone()));
    edges.into_iter().map(Mailbox::Edge).chain(of_kind("rest").map(Mailbox::Rest)).chain(backends).collect()
}
