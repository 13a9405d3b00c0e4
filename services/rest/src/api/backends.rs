//! `/api/v1/backends`: the Janus servers of the cluster. A drained backend keeps its calls and gets no new ones until it
//! is undrained. Backends that are added here are kept beside those that sentinels announce: connectors discover them
//! within seconds. Those configured at a connector (`--backend`) cannot be changed here.

use super::drain_caller::check_caller;
use super::extract::{JsonBody, PathParam};
use super::problem::Problem;
use super::state::ApiState;
use crate::auth::Caller;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use bus::message::Notice;
use common::{BackendName, ServiceId};
use directory::record::{Backend, BackendHealth, BackendRegistration, BackendStatus, BreakerState};
use serde::{Deserialize, Serialize};

/// Limits of a backend that is added.
const MAX_URL_BYTES: usize = 1_024;
const MAX_LABEL_CHARS: usize = 64;
const MAX_EXPIRE_SECONDS: u64 = 365 * 24 * 60 * 60;
#[derive(Clone, Serialize)]
pub(super) struct BackendView {
    pub name: BackendName,
    /// None for a drained backend that is neither served nor registered.
    pub url: Option<String>,
    pub status: &'static str,
    /// The status as text, with the reason.
    pub health: String,
    /// The state of its circuit breaker; none for a backend that no connector serves.
    pub breaker: Option<BreakerState>,
    /// How many of a hundred clients were not served at their last call, recently.
    pub failed_percent: u8,
    /// The usual time until a call can ring.
    pub setup_ms: Option<u64>,
    /// Counted for this response.
    pub calls: u64,
    /// Plugin handles, at the last count.
    pub handles: u64,
    pub drained: bool,
    pub location: Option<String>,
    pub isp: Option<String>,
    /// Duration of the last probe.
    pub probe_ms: Option<u64>,
    /// The connector that holds its lease.
    pub served_by: Option<ServiceId>,
}

#[derive(Serialize)]
pub(super) struct BackendList {
    backends: Vec<BackendView>,
    /// How many records cannot be read.
    malformed: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBackend {
    name: String,
    url: String,
    location: Option<String>,
    isp: Option<String>,
    /// Seconds; 0 or none: until it is removed.
    expire: Option<u64>,
}

impl NewBackend {
    fn into_registration(self) -> Result<BackendRegistration, Problem> {
        let Self { name, url, location, isp, expire } = self;
        let is_permitted = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_permitted) {
            return Err(Problem::bad_request("name has 1 to 64 letters, digits, dashes and underscores"));
        }
        if !is_websocket_url(&url) {
            return Err(Problem::bad_request(
                "url has the form ws://HOST[:PORT][/PATH] or wss://..., without a user",
            ));
        }
        let is_label = |label: &Option<String>| {
            label
                .as_ref()
                .is_none_or(|it| it.chars().count() <= MAX_LABEL_CHARS && !it.contains(char::is_control))
        };
        if !is_label(&location) || !is_label(&isp) {
            return Err(Problem::bad_request(
                "location and isp have at most 64 characters, none of them a control character",
            ));
        }
        if expire.is_some_and(|expire| expire > MAX_EXPIRE_SECONDS) {
            return Err(Problem::bad_request("expire is a number of seconds, at most a year"));
        }
        let registration = BackendRegistration::new(name.as_str(), url, BackendStatus::Normal);
        Ok(BackendRegistration { location, isp, expire: Some(expire.unwrap_or(0)), ..registration })
    }
}

/// `GET /backends`
pub(super) async fn list(State(state): State<ApiState>) -> Result<Json<BackendList>, Problem> {
    let backends = all_backends(&state).await?;
    let malformed = state.malformed(&["backends", "discovered backends", "calls of backends"]);
    Ok(Json(BackendList { backends, malformed }))
}

/// `GET /backends/{name}`
pub(super) async fn get(
    State(state): State<ApiState>,
    PathParam(name): PathParam<BackendName>,
) -> Result<Json<BackendView>, Problem> {
    find(&state, &name).await.map(Json)
}

/// `POST /backends/{name}/drain`
pub(super) async fn drain(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    PathParam(name): PathParam<BackendName>,
) -> Result<Json<BackendView>, Problem> {
    check_caller(caller, find(&state, &name).await?.url.as_deref()).await?;
    state.directory.drain_backend(&name).await?;
    notify_changed(&state, name, "drained a backend").await.map(Json)
}

/// `POST /backends/{name}/undrain`
pub(super) async fn undrain(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    PathParam(name): PathParam<BackendName>,
) -> Result<Json<BackendView>, Problem> {
    check_caller(caller, find(&state, &name).await?.url.as_deref()).await?;
    state.directory.undrain_backend(&name).await?;
    notify_changed(&state, name, "undrained a backend").await.map(Json)
}

/// `POST /backends`. Replaces one that was added before.
pub(super) async fn add(
    State(state): State<ApiState>,
    JsonBody(new): JsonBody<NewBackend>,
) -> Result<(StatusCode, Json<BackendView>), Problem> {
    let registration = new.into_registration()?;
    let name = registration.name.clone();
    if is_configured_at_connector(&state, &name).await? {
        return Err(Problem::configured_backend(&name));
    }
    state.directory.register_backend(&registration).await?;
    let backend = notify_changed(&state, name, "operator added a backend").await?;
    Ok((StatusCode::CREATED, Json(backend)))
}

/// `DELETE /backends/{name}`
pub(super) async fn remove(
    State(state): State<ApiState>,
    PathParam(name): PathParam<BackendName>,
) -> Result<StatusCode, Problem> {
    if is_configured_at_connector(&state, &name).await? {
        return Err(Problem::configured_backend(&name));
    }
    if !state.directory.unregister_backend(&name).await? {
        return Err(Problem::no_such_backend(&name));
    }
    // The entry among the drained backends would outlive the record, and the backend would be listed as unserved.
    state.directory.undrain_backend(&name).await?;
    notify_changed(&state, name, "operator removed a backend").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notifies the routers; one that misses the notice refreshes within a second.
pub(super) async fn notify_changed(
    state: &ApiState,
    name: BackendName,
    event: &'static str,
) -> Result<BackendView, Problem> {
    tracing::info!(backend = %name, "{event}");
    let _ = state.bus.publish(&Notice::BackendChanged(name.clone())).await;
    let backend = all_backends(state).await?.into_iter().find(|backend| backend.name == name);
    Ok(backend.unwrap_or_else(|| unserved(name)))
}

/// Returns all backends that are served, registered or drained, by name.
async fn find(state: &ApiState, name: &BackendName) -> Result<BackendView, Problem> {
    let backend = all_backends(state).await?.into_iter().find(|backend| backend.name == *name);
    backend.ok_or_else(|| Problem::no_such_backend(name))
}

async fn all_backends(state: &ApiState) -> Result<Vec<BackendView>, Problem> {
    let mut backends = served(state).await?;
    for discovered in state.directory.discovered_backends().await? {
        if !backends.iter().any(|backend| backend.name == discovered.name) {
            let (location, isp) = (non_empty(discovered.location), non_empty(discovered.isp));
            let url = Some(discovered.url);
            backends.push(BackendView { url, location, isp, ..unserved(discovered.name) });
        }
    }
    mark_drained(state, &mut backends).await?;
    Ok(backends)
}

/// Returns all backends that are served or drained, by name. Registered ones are omitted, since finding them takes a
/// scan of the directory.
pub(super) async fn served_or_drained(state: &ApiState) -> Result<Vec<BackendView>, Problem> {
    let mut backends = served(state).await?;
    mark_drained(state, &mut backends).await?;
    Ok(backends)
}

async fn mark_drained(state: &ApiState, backends: &mut Vec<BackendView>) -> Result<(), Problem> {
    for name in state.directory.drained_backends().await? {
        match backends.iter_mut().find(|backend| backend.name == name) {
            Some(backend) => backend.drained = true,
            None => backends.push(BackendView { drained: true, ..unserved(name) }),
        }
    }
    backends.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(())
}

/// Returns all backends that are served, by name. `drained` is false in each.
pub(super) async fn served(state: &ApiState) -> Result<Vec<BackendView>, Problem> {
    let served = state.directory.backends().await?;
    let names: Vec<_> = served.iter().map(|backend| backend.name.clone()).collect();
    let call_counts = state.directory.count_calls(&names).await?;
    let leases: Vec<String> = names.iter().map(lease_name).collect();
    let holders = state.directory.lease_holders(&leases).await?;
    let view = |((backend, calls), served_by): ((Backend, u64), Option<ServiceId>)| BackendView {
        drained: false,
        status: status_name(&backend),
        health: health_text(&backend),
        name: backend.name,
        url: Some(backend.url),
        breaker: Some(backend.health.breaker),
        failed_percent: backend.health.failed_percent,
        setup_ms: Some(backend.health.setup_ms).filter(|setup_ms| *setup_ms > 0),
        calls,
        handles: backend.handles,
        location: non_empty(backend.location),
        isp: non_empty(backend.isp),
        probe_ms: backend.probe_ms,
        served_by,
    };
    Ok(served.into_iter().zip(call_counts).zip(holders).map(view).collect())
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Returns the name of the lease of the connector that serves the backend.
fn lease_name(backend: &BackendName) -> String {
    format!("backend:{backend}")
}

fn unserved(name: BackendName) -> BackendView {
    BackendView {
        name,
        url: None,
        status: "unserved",
        health: "no connector serves it".to_owned(),
        breaker: None,
        failed_percent: 0,
        setup_ms: None,
        calls: 0,
        handles: 0,
        drained: false,
        location: None,
        isp: None,
        probe_ms: None,
        served_by: None,
    }
}

fn status_name(backend: &Backend) -> &'static str {
    match backend.status {
        BackendStatus::Normal if backend.health.breaker == BreakerState::Open => "ejected",
        BackendStatus::Normal => "normal",
        BackendStatus::Abnormal => "abnormal",
        BackendStatus::Maintenance => "maintenance",
        BackendStatus::HighWater => "high_water",
    }
}

/// The status as text, with the reason that its connector gives.
fn health_text(backend: &Backend) -> String {
    let BackendHealth { breaker, reason, .. } = &backend.health;
    let text = status_text(backend.status, *breaker);
    if reason.is_empty() { text.to_owned() } else { format!("{text}: {reason}") }
}

fn status_text(status: BackendStatus, breaker: BreakerState) -> &'static str {
    match status {
        BackendStatus::Normal if breaker == BreakerState::Open => "calls fail on it, others get them",
        BackendStatus::Normal if breaker == BreakerState::HalfOpen => "it gets a few calls at a time",
        BackendStatus::Normal => "it takes calls",
        BackendStatus::Abnormal => "it cannot be reached, or calls on it fail",
        BackendStatus::Maintenance => "it keeps its calls and gets no new ones",
        BackendStatus::HighWater => "it is too busy for more calls",
    }
}

/// Returns whether a connector serves the backend although it is not registered in the directory.
async fn is_configured_at_connector(state: &ApiState, name: &BackendName) -> Result<bool, Problem> {
    let is_served = state.directory.backends().await?.iter().any(|backend| backend.name == *name);
    Ok(is_served && !state.directory.discovered_backends().await?.iter().any(|backend| backend.name == *name))
}

fn is_websocket_url(url: &str) -> bool {
    let address = url.strip_prefix("ws://").or_else(|| url.strip_prefix("wss://")).unwrap_or_default();
    let host = address.split(['/', '?', '#']).next().unwrap_or_default();
    let port = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map(|(_, port)| port);
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let is_plain = url.len() <= MAX_URL_BYTES && url.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain && is_port && !host.is_empty() && !host.starts_with(':') && !host.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_that_of_a_plain_websocket() {
        for url in
            ["ws://a", "wss://a.example:8989/janus?x=1", "ws://[::1]:8188", "ws://[::1]", "ws://10.0.0.1:1"]
        {
            assert!(is_websocket_url(url), "{url}");
        }
        let long = format!("ws://{}", "x".repeat(MAX_URL_BYTES));
        for url in [
            "",
            "ws://",
            "a:8188",
            "http://a",
            "ws:///x",
            "ws://:1",
            "ws://a:",
            "ws://a:0",
            "ws://a:65536",
            "ws://a:x",
            "ws://u:p@a",
            "ws://a b",
            "ws://ä",
            "ws://a\n",
            &long,
        ] {
            assert!(!is_websocket_url(url), "{url}");
        }
    }
}
