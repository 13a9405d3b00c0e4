//! `/api/v1/cluster`: the state of the cluster and the verdict on it, in one response.
//!
//! A response costs 11 round trips to Redis, and one more for each 500 streams beyond the first 500: services 2,
//! edges 1, backends 2, their calls 1, their leases 1, drained backends 1, the newest records of the call log 2,
//! streams 1. Requests within [`CACHE_TTL`] share it, and requests that arrive while it is read wait for it, so the
//! number of readers does not matter. A failure is cached in the same way.

use super::backends::{self, BackendView};
use super::call_stats::{self, CallStats, MAX_RECORDS};
use super::findings::{self, Evidence, Finding};
use super::history::{Departed, History};
use super::problem::Problem;
use super::services;
use super::state::ApiState;
use super::streams::StreamView;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bus::inspect::StreamStats;
use bus::topic::{Log, Mailbox};
use common::ServiceId;
use common::entropy::unix_millis;
use directory::listing::Service;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// For how long a response is reused.
const CACHE_TTL: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct ClusterView<'h> {
    /// Unix milliseconds.
    at: u64,
    findings: Vec<Finding>,
    streams: Vec<StreamView>,
    services: Vec<Service>,
    departed: Vec<&'h Departed>,
    backends: Vec<BackendView>,
    calls: CallsView,
}

#[derive(Serialize)]
struct CallsView {
    now: u64,
    recent: CallStats,
}

/// `GET /cluster`
pub(super) async fn get(State(state): State<ApiState>) -> Result<impl IntoResponse, Problem> {
    let json = cached_json(&state).await?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json))
}

/// Returns the response, which is at most [`CACHE_TTL`] old.
pub(super) async fn cached_json(state: &ApiState) -> Result<Bytes, Problem> {
    let mut cache = state.cluster.lock().await;
    if let Some((_, response)) = cache.last.as_ref().filter(|(made, _)| made.elapsed() < CACHE_TTL) {
        return response.clone();
    }
    let response = read_json(state, &mut cache.history).await;
    cache.last = Some((Instant::now(), response.clone()));
    response
}

async fn read_json(state: &ApiState, history: &mut History) -> Result<Bytes, Problem> {
    let view = read(state, history).await?;
    Ok(Bytes::from(serde_json::to_vec(&view).expect("the view is plain JSON")))
}

async fn read<'h>(state: &ApiState, history: &'h mut History) -> Result<ClusterView<'h>, Problem> {
    let ApiState { bus, directory, .. } = state;
    let (backends, services, edges, records) = tokio::try_join!(
        backends::served_or_drained(state),
        async { Ok(directory.services().await?) },
        async { Ok(directory.stale_edges(Duration::ZERO).await?) },
        async { Ok(bus.tail(Log::Calls, MAX_RECORDS).await?) },
    )?;
    let streams = bus.stream_stats(&mailboxes(&backends, &services, edges)).await?;
    let streams: Vec<StreamView> = streams.into_iter().map(StreamView::from).collect();
    let at = unix_millis();
    history.record(&services, &streams, at);
    let recent = call_stats::summarize(&records, at);
    let evidence = Evidence {
        now: at,
        services: &services,
        backends: &backends,
        streams: &streams,
        setup: recent.setup(),
        history,
    };
    Ok(ClusterView {
        at,
        findings: findings::find(&evidence),
        streams,
        services: services::with_connector_load(services, &backends),
        departed: history.departed().collect(),
        calls: CallsView { now: backends.iter().map(|backend| backend.calls).sum(), recent },
        backends,
    })
}

/// Reads the statistics of all streams.
pub(super) async fn stream_stats(state: &ApiState) -> Result<Vec<StreamStats>, Problem> {
    let (backends, services, edges) = tokio::try_join!(
        backends::served_or_drained(state),
        async { Ok(state.directory.services().await?) },
        async { Ok(state.directory.stale_edges(Duration::ZERO).await?) },
    )?;
    Ok(state.bus.stream_stats(&mailboxes(&backends, &services, edges)).await?)
}

/// Returns every mailbox that may exist. A dead edge is no longer a registered service, but until a router has reaped
/// it, its mailbox may hold messages: `edges` are all that have not been reaped.
fn mailboxes(backends: &[BackendView], services: &[Service], edges: Vec<ServiceId>) -> Vec<Mailbox> {
    let of_kind = |kind: &'static str| {
        services.iter().filter(move |service| service.kind == kind).map(|service| service.id.clone())
    };
    let edges: BTreeSet<ServiceId> = of_kind("edge").chain(edges).collect();
    let backends = backends.iter().map(|backend| Mailbox::Backend(backend.name.clone()));
    edges.into_iter().map(Mailbox::Edge).chain(of_kind("rest").map(Mailbox::Rest)).chain(backends).collect()
}
