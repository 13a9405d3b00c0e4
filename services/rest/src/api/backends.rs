//! `/api/v1/backends`: the media servers of the cluster. One that is drained keeps its calls and gets
//! no new ones, until it is undrained, whoever serves it.

use super::ApiState;
use super::input::PathParam;
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use bus::message::Notice;
use common::{BackendName, ServiceId};
use directory::record::{Backend, BackendStatus};
use serde::Serialize;

/// A backend, as operators see it.
#[derive(Serialize)]
pub(super) struct BackendView {
    pub name: BackendName,
    /// None for one that is only drained: nobody serves it, and nobody has written it down.
    url: Option<String>,
    status: &'static str,
    /// The status in words.
    health: &'static str,
    /// The calls on it, counted now.
    pub calls: u64,
    /// Its plugin handles, as last counted.
    handles: u64,
    drained: bool,
    location: Option<String>,
    isp: Option<String>,
    /// How long its plugin took to answer when it was last asked.
    probe_ms: Option<u64>,
    /// The connector that has its lease.
    pub served_by: Option<ServiceId>,
}

#[derive(Serialize)]
pub(super) struct BackendList {
    backends: Vec<BackendView>,
}

/// `GET /backends`
pub(super) async fn list(State(cluster): State<ApiState>) -> Result<Json<BackendList>, Problem> {
    Ok(Json(BackendList { backends: all_backends(&cluster).await? }))
}

/// `GET /backends/{name}`
pub(super) async fn get(
    State(cluster): State<ApiState>,
    PathParam(name): PathParam<BackendName>,
) -> Result<Json<BackendView>, Problem> {
    let seen = all_backends(&cluster).await?.into_iter().find(|backend| backend.name == name);
    seen.map(Json).ok_or_else(|| Problem::no_such_backend(&name))
}

/// `POST /backends/{name}/drain`
pub(super) async fn drain(
    State(cluster): State<ApiState>,
    PathParam(name): PathParam<BackendName>,
) -> Result<Json<BackendView>, Problem> {
    if !all_backends(&cluster).await?.iter().any(|backend| backend.name == name) {
        return Err(Problem::no_such_backend(&name));
    }
    cluster.directory.drain_backend(&name).await?;
    notify_changed(&cluster, name, "an operator drains a backend").await.map(Json)
}

/// `POST /backends/{name}/undrain`
pub(super) async fn undrain(
    State(cluster): State<ApiState>,
    PathParam(name): PathParam<BackendName>,
) -> Result<Json<BackendView>, Problem> {
    if !all_backends(&cluster).await?.iter().any(|backend| backend.name == name) {
        return Err(Problem::no_such_backend(&name));
    }
    cluster.directory.undrain_backend(&name).await?;
    notify_changed(&cluster, name, "an operator has a backend take calls again").await.map(Json)
}

/// Tells the routers; one that misses it looks within a second.
pub(super) async fn notify_changed(
    cluster: &ApiState,
    name: BackendName,
    what: &'static str,
) -> Result<BackendView, Problem> {
    tracing::info!(backend = %name, "{what}");
    let _ = cluster.bus.publish(&Notice::BackendChanged(name.clone())).await;
    let seen = all_backends(cluster).await?.into_iter().find(|backend| backend.name == name);
    Ok(seen.unwrap_or_else(|| unserved(name)))
}

/// All that are served, written down by somebody, or drained, by name.
async fn all_backends(cluster: &ApiState) -> Result<Vec<BackendView>, Problem> {
    let mut seen = served(cluster).await?;
    for found in cluster.directory.discovered_backends().await? {
        if !seen.iter().any(|backend| backend.name == found.name) {
            let (url, location, isp) = (Some(found.url), non_empty(found.location), non_empty(found.isp));
            seen.push(BackendView { url, location, isp, ..unserved(found.name) });
        }
    }
    mark_drained(cluster, &mut seen).await?;
    Ok(seen)
}

/// All that are served or drained, by name. What is only written down takes a walk to find, and is not here.
pub(super) async fn served_or_drained(cluster: &ApiState) -> Result<Vec<BackendView>, Problem> {
    let mut seen = served(cluster).await?;
    mark_drained(cluster, &mut seen).await?;
    Ok(seen)
}

async fn mark_drained(cluster: &ApiState, seen: &mut Vec<BackendView>) -> Result<(), Problem> {
    for name in cluster.directory.drained_backends().await? {
        match seen.iter_mut().find(|backend| backend.name == name) {
            Some(backend) => backend.drained = true,
            None => seen.push(BackendView { drained: true, ..unserved(name) }),
        }
    }
    seen.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(())
}

/// All that are served, by name; whether they are drained is not looked up.
pub(super) async fn served(cluster: &ApiState) -> Result<Vec<BackendView>, Problem> {
    let served = cluster.directory.backends().await?;
    let names: Vec<_> = served.iter().map(|backend| backend.name.clone()).collect();
    let calls = cluster.directory.count_calls(&names).await?;
    let leases: Vec<String> = names.iter().map(lease_name).collect();
    let holders = cluster.directory.lease_holders(&leases).await?;
    let see = |((backend, calls), served_by): ((Backend, u64), Option<ServiceId>)| BackendView {
        drained: false,
        name: backend.name,
        url: Some(backend.url),
        status: status_name(backend.status),
        health: status_text(backend.status),
        calls,
        handles: backend.handles,
        location: non_empty(backend.location),
        isp: non_empty(backend.isp),
        probe_ms: backend.probe_ms,
        served_by,
    };
    Ok(served.into_iter().zip(calls).zip(holders).map(see).collect())
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// The lease that a connector has on a backend it serves.
fn lease_name(backend: &BackendName) -> String {
    format!("backend:{backend}")
}

fn unserved(name: BackendName) -> BackendView {
    BackendView {
        name,
        url: None,
        status: "unserved",
        health: "no connector serves it",
        calls: 0,
        handles: 0,
        drained: false,
        location: None,
        isp: None,
        probe_ms: None,
        served_by: None,
    }
}

fn status_name(status: BackendStatus) -> &'static str {
    match status {
        BackendStatus::Normal => "normal",
        BackendStatus::Abnormal => "abnormal",
        BackendStatus::Maintenance => "maintenance",
        BackendStatus::HighWater => "high_water",
    }
}

fn status_text(status: BackendStatus) -> &'static str {
    match status {
        BackendStatus::Normal => "it takes calls",
        BackendStatus::Abnormal => "it cannot be reached, or calls on it fail",
        BackendStatus::Maintenance => "it keeps its calls and gets no new ones",
        BackendStatus::HighWater => "it is too busy for more calls",
    }
}
