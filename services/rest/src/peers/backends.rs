//! `/backend_servers` and `/sentinel_callback`: who has a Janus server announces it, in janus-cloud's
//! fields (janus-api.md 7.4). The connectors serve what is written down here like what they were told
//! themselves.
//!
//! One bound of janus-cloud is not kept: a server with more than 10,000 sessions is taken too, for there
//! it drops out just when it is loaded (janus-api.md 7.8, 25).

use super::AppState;
use super::check::{float, integer, missing_keys, server_name, text, websocket_url};
use super::params::Params;
use super::refusal::JanusCloudError;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::response::{IntoResponse, Response};
use bus::message::Notice;
use common::BackendName;
use directory::record::{Backend, BackendRegistration, BackendStatus, DiscoveredBackend};
use serde::Serialize;
use std::collections::BTreeMap;

/// Seconds in a day: the longest that anything may be said for.
const SECONDS_PER_DAY: i64 = 86_400;
/// The longest name of a place or a network.
const MAX_LABEL: usize = 64;

/// A backend, as janus-cloud shows it; what is not known is 0 or empty.
#[derive(Serialize)]
struct BackendServer {
    name: BackendName,
    url: String,
    status: u8,
    session_timeout: u64,
    location: String,
    isp: String,
    session_num: u64,
    handle_num: u64,
    expire: u64,
    start_time: f64,
    utime: f64,
    ctime: f64,
}

pub(super) async fn list(State(desk): State<AppState>) -> Result<Response, JanusCloudError> {
    let directory = &desk.context.directory;
    let (found, served) = (directory.discovered_backends().await?, directory.backends().await?);
    let mut shown: BTreeMap<_, _> =
        found.into_iter().map(|found| (found.name.clone(), from_discovered(found))).collect();
    for backend in served {
        match shown.get_mut(&backend.name) {
            // It is served, and its connector may know better.
            Some(found) => found.status = backend.status.number(),
            None => drop(shown.insert(backend.name.clone(), from_served(backend))),
        }
    }
    let shown: Vec<BackendServer> = shown.into_values().collect();
    Ok(([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(shown)).into_response())
}

pub(super) async fn register(
    State(desk): State<AppState>,
    params: Params,
) -> Result<Response, JanusCloudError> {
    let registration = parse_registration(&params)?;
    desk.context.directory.register_backend(&registration).await?;
    tracing::debug!(backend = %registration.name, url = registration.url, status = ?registration.status, "a backend is announced");
    notify_changed(&desk, registration.name).await
}

pub(super) async fn unregister(
    State(desk): State<AppState>,
    name: Result<Path<BackendName>, PathRejection>,
) -> Result<Response, JanusCloudError> {
    let Path(name) = name?;
    if desk.context.directory.unregister_backend(&name).await? {
        tracing::info!(backend = %name, "a backend is removed");
    }
    notify_changed(&desk, name).await
}

/// Tells the routers; one that misses it looks within a second.
async fn notify_changed(desk: &AppState, name: BackendName) -> Result<Response, JanusCloudError> {
    let _ = desk.context.bus.publish(&Notice::BackendChanged(name)).await;
    Ok(super::success())
}

fn parse_registration(params: &Params) -> Result<BackendRegistration, JanusCloudError> {
    let name = server_name(params, "name")?;
    let url = websocket_url(params, "url")?;
    let status = parse_status(params)?;
    let (Some(name), Some(url), Some(status)) = (name, url, status) else {
        return Err(missing_keys(params, &["name", "url", "status"]));
    };
    Ok(BackendRegistration {
        session_timeout: parse_unsigned(params, "session_timeout", SECONDS_PER_DAY)?,
        location: text(params, "location", MAX_LABEL)?,
        isp: text(params, "isp", MAX_LABEL)?,
        session_num: parse_unsigned(params, "session_num", i64::MAX)?,
        handle_num: parse_unsigned(params, "handle_num", i64::MAX)?,
        expire: parse_unsigned(params, "expire", SECONDS_PER_DAY)?,
        start_time: float(params, "start_time")?,
        ..BackendRegistration::new(name.as_str(), url, status)
    })
}

fn parse_status(params: &Params) -> Result<Option<BackendStatus>, JanusCloudError> {
    let number = integer(params, "status", i64::MIN, i64::MAX)?;
    let known = |number: i64| match u8::try_from(number) {
        Ok(number @ 0..=3) => Ok(BackendStatus::from_number(number)),
        _ => Err(JanusCloudError::bad_request(format!("{number} is not in (0, 1, 2, 3)"))),
    };
    number.map(known).transpose()
}

fn parse_unsigned(params: &Params, name: &str, max: i64) -> Result<Option<u64>, JanusCloudError> {
    Ok(integer(params, name, 0, max)?.map(i64::unsigned_abs))
}

fn from_discovered(found: DiscoveredBackend) -> BackendServer {
    BackendServer {
        name: found.name,
        url: found.url,
        status: found.status.number(),
        session_timeout: found.session_timeout,
        location: found.location,
        isp: found.isp,
        session_num: found.session_num,
        handle_num: found.handle_num,
        expire: found.expire,
        start_time: found.start_time,
        utime: found.utime,
        ctime: found.ctime,
    }
}

fn from_served(backend: Backend) -> BackendServer {
    BackendServer {
        name: backend.name,
        url: backend.url,
        status: backend.status.number(),
        session_timeout: 0,
        location: backend.location,
        isp: backend.isp,
        session_num: 0,
        handle_num: backend.handles,
        expire: 0,
        start_time: 0.0,
        utime: 0.0,
        ctime: 0.0,
    }
}
