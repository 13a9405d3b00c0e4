//! `/api/v1/cluster`: all that an operator watches, in one answer.
//!
//! One look costs 11 round trips to Redis, and one more for each 500 roads past the first 500: services 2,
//! edges 1, backends 2, their calls 1, their leases 1, drained ones 1, the newest lines of `calls` 2, roads 1.
//! Everybody who asks within [`LIFE`] of it gets the same answer, and while somebody looks the others wait for
//! that; so many dashboards cost one. A look that failed counts as one too: whoever asks is told the same.

use super::backends::{self, Seen};
use super::problem::Problem;
use super::recent::{self, LINES, Recent};
use super::{Cluster, services};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bus::road::{Road, RoadKind};
use bus::topic::{Log, Mailbox};
use directory::listed::Service;
use protocol::ServiceId;
use protocol::outside::unix_millis;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// For how long a look is good.
const LIFE: Duration = Duration::from_millis(500);

/// The last look, as JSON, and when it was over.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Option<Look>>>);

type Look = (Instant, Result<Bytes, Problem>);

#[derive(Serialize)]
struct Frame {
    /// Unix milliseconds.
    at: u64,
    roads: Vec<Shown>,
    services: Vec<Service>,
    backends: Vec<Seen>,
    calls: Calls,
}

#[derive(Serialize)]
struct Calls {
    now: u64,
    recent: Recent,
}

/// A road, as operators see it.
#[derive(Serialize)]
struct Shown {
    key: String,
    kind: &'static str,
    length: u64,
    added: u64,
    oldest_ms: Option<u64>,
    pending: Option<u64>,
    consumers: Option<u64>,
    redelivered: Option<u64>,
}

impl From<Road> for Shown {
    fn from(Road { key, kind, length, added, oldest, workers }: Road) -> Self {
        let kind = named(kind);
        let oldest_ms = oldest.map(|oldest| oldest.as_millis() as u64);
        let (pending, consumers) = workers.map(|workers| (workers.pending, workers.consumers)).unzip();
        let redelivered = workers.map(|workers| workers.redelivered);
        Self { key, kind, length, added, oldest_ms, pending, consumers, redelivered }
    }
}

/// `GET /cluster`
pub(super) async fn one(State(cluster): State<Cluster>) -> Result<impl IntoResponse, Problem> {
    let frame = frame(&cluster).await?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], frame))
}

/// The cluster as JSON, as it was at most [`LIFE`] ago.
pub(super) async fn frame(cluster: &Cluster) -> Result<Bytes, Problem> {
    let mut last = cluster.watch.0.lock().await;
    if let Some((_, look)) = last.as_ref().filter(|(over, _)| over.elapsed() < LIFE) {
        return look.clone();
    }
    let seen = look(cluster).await;
    let seen = seen.map(|frame| Bytes::from(serde_json::to_vec(&frame).expect("a frame is plain JSON")));
    last.insert((Instant::now(), seen)).1.clone()
}

async fn look(cluster: &Cluster) -> Result<Frame, Problem> {
    let Cluster { bus, directory, .. } = cluster;
    let (backends, all, edges, lines) = tokio::try_join!(
        backends::standing(cluster),
        async { Ok(directory.services().await?) },
        async { Ok(directory.silent_edges(Duration::ZERO).await?) },
        async { Ok(bus.tail(Log::Calls, LINES).await?) },
    )?;
    let roads = bus.roads(&mailboxes(&backends, &all, edges)).await?;
    let at = unix_millis();
    Ok(Frame {
        at,
        roads: roads.into_iter().map(Shown::from).collect(),
        services: services::counted(all, &backends),
        calls: Calls {
            now: backends.iter().map(|backend| backend.calls).sum(),
            recent: recent::count(&lines, at),
        },
        backends,
    })
}

/// The roads alone, as they are now.
pub(super) async fn roads(cluster: &Cluster) -> Result<Vec<Road>, Problem> {
    let (backends, services, edges) = tokio::try_join!(
        backends::standing(cluster),
        async { Ok(cluster.directory.services().await?) },
        async { Ok(cluster.directory.silent_edges(Duration::ZERO).await?) },
    )?;
    Ok(cluster.bus.roads(&mailboxes(&backends, &services, edges)).await?)
}

/// What a road is used for, in a word.
pub(super) fn named(kind: RoadKind) -> &'static str {
    match kind {
        RoadKind::Queue => "queue",
        RoadKind::Mailbox => "mailbox",
        RoadKind::Log => "log",
    }
}

/// Every mailbox that there may be. An edge that has died is no service any more, but until a router has
/// reaped it there may be something in its mailbox.
fn mailboxes(backends: &[Seen], services: &[Service], edges: Vec<ServiceId>) -> Vec<Mailbox> {
    let of_kind = |kind: &'static str| {
        let those = services.iter().filter(move |service| service.kind == kind);
        those.map(|service| service.id.clone())
    };
    let edges: BTreeSet<ServiceId> = of_kind("edge").chain(edges).collect();
    let backends = backends.iter().map(|backend| Mailbox::Backend(backend.name.clone()));
    edges.into_iter().map(Mailbox::Edge).chain(of_kind("rest").map(Mailbox::Rest)).chain(backends).collect()
}
