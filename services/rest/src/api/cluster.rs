//! `/api/v1/cluster`: the state of the cluster and the findings on its health, in one response.
//!
//! A response costs 11 round trips to Redis, and one more for each 500 streams beyond the first 500. They are: services
//! 2, edges 1, backends 2, their calls 1, their leases 1, drained backends 1, the newest records of the call log 2,
//! streams 1. Requests within [`CACHE_TTL`] share a response, and requests that arrive while it is read wait for it. So
//! the number of readers does not matter. A failure is cached in the same way.
//!
//! `/api/v1/cluster/events` sends the response once a second, as server-sent events. A task sends them to each
//! subscriber, and holds one event that the subscriber has not read. It ends with the subscriber, at shutdown, and
//! with the connection, which lasts at most [`MAX_CONNECTION_AGE`](service::http_server::MAX_CONNECTION_AGE); browsers
//! then reconnect. A subscriber that reads nothing for [`SEND_TIMEOUT`] is disconnected. Subscribers beyond the limit,
//! in all or of one address, are refused (503). While the directory or the bus is down, the task sends an event `problem` instead.
//!
//! `/api/v1/services` and the metrics of the streams are read here too, since they are parts of that state.

use super::backends::{self, BackendView};
use super::call_stats::{self, CallStats, MAX_RECORDS};
use super::findings::{self, Finding, HealthInput};
use super::history::{Departed, History};
use super::problem::Problem;
use super::state::ApiState;
use super::streams::{self, StreamView};
use crate::auth::Access;
use crate::metrics;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Sse};
use axum::{Extension, Json};
use bus::inspect::StreamStats;
use bus::topic::{Log, Mailbox};
use common::ServiceId;
use common::clock::unix_millis;
use directory::listing::Service;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use service::ClientAddress;
use service::connection_limits::AddressGuard;
use service::http_server::ConnectionCloser;
use service::metrics::on_scrape::CollectFn;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// For how long a response is reused.
const CACHE_TTL: Duration = Duration::from_millis(500);
const SEND_INTERVAL: Duration = Duration::from_secs(1);
/// How long an event may wait to be read.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

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

#[derive(Serialize)]
pub(super) struct ServiceList {
    services: Vec<Service>,
    /// How many records cannot be read.
    malformed: usize,
}

/// `GET /cluster`
pub(super) async fn get(State(state): State<ApiState>) -> Result<impl IntoResponse, Problem> {
    let json = cached_json(&state).await?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json))
}

/// Returns the response, which is at most [`CACHE_TTL`] old.
async fn cached_json(state: &ApiState) -> Result<Bytes, Problem> {
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
    let malformed = malformed_records(state);
    let input = HealthInput {
        malformed: &malformed,
        now: at,
        services: &services,
        backends: &backends,
        streams: &streams,
        setup: recent.setup(),
        history,
    };
    Ok(ClusterView {
        at,
        findings: findings::find(&input),
        streams,
        services: with_connector_load(services, &backends),
        departed: history.departed().collect(),
        calls: CallsView { now: backends.iter().map(|backend| backend.calls).sum(), recent },
        backends,
    })
}

/// Returns how many records the lists of this view left out.
fn malformed_records(state: &ApiState) -> Vec<(&'static str, usize)> {
    let mut malformed = state.directory.malformed_records();
    malformed
        .retain(|(list, count)| *count > 0 && ["services", "backends", "calls of backends"].contains(list));
    malformed
}

/// `GET /services`
pub(super) async fn list_services(State(state): State<ApiState>) -> Result<Json<ServiceList>, Problem> {
    let services = state.directory.services().await?;
    let backends = backends::served(&state).await?;
    let malformed = state.malformed(&["services"]);
    Ok(Json(ServiceList { services: with_connector_load(services, &backends), malformed }))
}

/// `GET /cluster/events`
pub(super) async fn subscribe(
    State(state): State<ApiState>,
    Extension(connection): Extension<ConnectionCloser>,
    Extension(client): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    state.auth.authorize(Access::Watch, client, &headers)?;
    let Ok(permit) = state.subscribers.clone().try_acquire_owned() else {
        metrics::queue_full(metrics::EVENT_SUBSCRIBERS);
        return Err(Problem::too_many("there are 64 subscribers already; try again later"));
    };
    let Ok(place) =
        client.group().map(|group| state.subscribers_of_address.acquire(group).ok_or(())).transpose()
    else {
        metrics::queue_full(metrics::EVENT_SUBSCRIBERS);
        return Err(Problem::too_many("there are 32 subscribers of this address already; try again later"));
    };
    let (events, subscriber) = mpsc::channel(1);
    let shutdown = state.shutdown.clone();
    tokio::spawn(async move {
        shutdown.run_until_cancelled(send_events(state, events, connection, (permit, place))).await;
    });
    Ok(Sse::new(unfold(subscriber, next_event)))
}

async fn next_event(mut subscriber: Receiver<Event>) -> Option<(Result<Event, Infallible>, Receiver<Event>)> {
    let event = subscriber.recv().await?;
    Some((Ok(event), subscriber))
}

/// Sends events until the subscriber disconnects, or does not read.
async fn send_events(
    state: ApiState,
    events: Sender<Event>,
    connection: ConnectionCloser,
    _places: (OwnedSemaphorePermit, Option<AddressGuard>),
) {
    let mut ticks = interval(SEND_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = events.closed() => return,
        }
        match timeout(SEND_TIMEOUT, events.send(cluster_event(&state).await)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::info!("subscriber does not read its events, closing its connection");
                return connection.close();
            }
        }
    }
}

async fn cluster_event(state: &ApiState) -> Event {
    match cached_json(state).await {
        Ok(json) => Event::default().data(String::from_utf8_lossy(&json)),
        Err(problem) => Event::default().event("problem").data(problem.to_json().to_string()),
    }
}

/// Returns the function that reads the metrics of the streams when Prometheus scrapes: a mailbox that is deleted is no
/// longer exported. Every rest service exports the same streams, so queries take the maximum over instances.
pub(super) fn metrics_collector(state: ApiState) -> CollectFn {
    Arc::new(move || {
        let state = state.clone();
        Box::pin(async move { Some(streams::metric_families(&stream_stats(&state).await.ok()?)) })
    })
}

/// Reads the statistics of all streams.
async fn stream_stats(state: &ApiState) -> Result<Vec<StreamStats>, Problem> {
    let (backends, services, edges) = tokio::try_join!(
        backends::served_or_drained(state),
        async { Ok(state.directory.services().await?) },
        async { Ok(state.directory.stale_edges(Duration::ZERO).await?) },
    )?;
    Ok(state.bus.stream_stats(&mailboxes(&backends, &services, edges)).await?)
}

/// Returns every mailbox that may exist. `edges` are all edges that no router has reaped. A dead edge is no longer a
/// registered service, but its mailbox may hold messages until a router reaps it.
fn mailboxes(backends: &[BackendView], services: &[Service], edges: Vec<ServiceId>) -> Vec<Mailbox> {
    let of_kind = |kind: &'static str| {
        services.iter().filter(move |service| service.kind == kind).map(|service| service.id.clone())
    };
    let edges: BTreeSet<ServiceId> = of_kind("edge").chain(edges).collect();
    let backends = backends.iter().map(|backend| Mailbox::Backend(backend.name.clone()));
    edges.into_iter().map(Mailbox::Edge).chain(of_kind("rest").map(Mailbox::Rest)).chain(backends).collect()
}

/// Adds the load of connectors, which they do not report themselves: the backends they serve, and the calls on these.
fn with_connector_load(mut services: Vec<Service>, backends: &[BackendView]) -> Vec<Service> {
    for service in services.iter_mut().filter(|service| service.kind == "connector") {
        let served = backends.iter().filter(|backend| backend.served_by.as_ref() == Some(&service.id));
        let calls = served.clone().map(|backend| backend.calls).sum();
        service.load.extend([("backends".to_owned(), served.count() as u64), ("calls".to_owned(), calls)]);
    }
    services
}
