//! `/api/v1/backends`: the media servers of the cluster. One that is drained keeps its calls and gets
//! no new ones, until it is undrained, whoever serves it.

use super::Cluster;
use super::problem::Problem;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use bus::message::Notice;
use directory::record::{Backend, BackendStatus};
use protocol::BackendName;
use serde::Serialize;
use std::collections::BTreeSet;

/// A backend, as operators see it.
#[derive(Serialize)]
struct Seen {
    name: BackendName,
    /// None while no connector serves it.
    url: Option<String>,
    status: &'static str,
    calls: u64,
    drained: bool,
}

#[derive(Serialize)]
struct All {
    backends: Vec<Seen>,
}

pub(super) fn routes() -> Router<Cluster> {
    Router::new()
        .route("/backends", get(list))
        .route("/backends/{name}/drain", post(drain))
        .route("/backends/{name}/undrain", post(undrain))
}

async fn list(State(cluster): State<Cluster>) -> Result<Json<All>, Problem> {
    Ok(Json(All { backends: look(&cluster).await? }))
}

async fn drain(State(cluster): State<Cluster>, Path(name): Path<BackendName>) -> Result<Json<Seen>, Problem> {
    if !cluster.directory.backends().await?.iter().any(|backend| backend.name == name) {
        return Err(Problem::no_such_backend(&name));
    }
    cluster.directory.drain_backend(&name).await?;
    changed(cluster, name, "an operator drains a backend").await
}

async fn undrain(
    State(cluster): State<Cluster>,
    Path(name): Path<BackendName>,
) -> Result<Json<Seen>, Problem> {
    // One that is drained need not be served now.
    if !look(&cluster).await?.iter().any(|backend| backend.name == name) {
        return Err(Problem::no_such_backend(&name));
    }
    cluster.directory.undrain_backend(&name).await?;
    changed(cluster, name, "an operator has a backend take calls again").await
}

/// Tells the routers; one that misses it looks within a second.
async fn changed(cluster: Cluster, name: BackendName, what: &'static str) -> Result<Json<Seen>, Problem> {
    tracing::info!(backend = %name, "{what}");
    let _ = cluster.bus.publish(&Notice::BackendChanged(name.clone())).await;
    let seen = look(&cluster).await?.into_iter().find(|backend| backend.name == name);
    Ok(Json(seen.unwrap_or_else(|| unserved(name, false))))
}

/// All that are served, and all that are drained, by name.
async fn look(cluster: &Cluster) -> Result<Vec<Seen>, Problem> {
    let served = cluster.directory.backends().await?;
    let mut drained: BTreeSet<_> = cluster.directory.drained_backends().await?.into_iter().collect();
    let names: Vec<_> = served.iter().map(|backend| backend.name.clone()).collect();
    let calls = cluster.directory.live_calls(&names).await?;
    let see = |(backend, calls): (Backend, u64)| Seen {
        drained: drained.remove(&backend.name),
        name: backend.name,
        url: Some(backend.url),
        status: word(backend.status),
        calls,
    };
    let mut seen: Vec<Seen> = served.into_iter().zip(calls).map(see).collect();
    seen.extend(drained.into_iter().map(|name| unserved(name, true)));
    seen.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(seen)
}

fn unserved(name: BackendName, drained: bool) -> Seen {
    Seen { name, url: None, status: "unserved", calls: 0, drained }
}

fn word(status: BackendStatus) -> &'static str {
    match status {
        BackendStatus::Normal => "normal",
        BackendStatus::Abnormal => "abnormal",
        BackendStatus::Maintenance => "maintenance",
        BackendStatus::HighWater => "high_water",
    }
}
