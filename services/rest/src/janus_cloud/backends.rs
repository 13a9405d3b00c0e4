//! `/backend_servers` and `/sentinel_callback`: announcements of Janus servers, in the fields of janus-cloud 1.0.0.
//! Connectors serve announced servers like configured ones.
//!
//! janus-cloud rejects a server with more than 10,000 sessions, which removes it just when it is loaded. Here it is
//! accepted.

use super::params::{Params, float, integer, missing_keys, server_name, text, websocket_url};
use super::response::{JanusCloudError, success};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bus::message::Notice;
use common::BackendName;
use directory::record::{Backend, BackendRegistration, BackendStatus, DiscoveredBackend};
use serde::Serialize;
use service::Context;
use std::collections::BTreeMap;

/// The longest expiry and session timeout.
const SECONDS_PER_DAY: i64 = 86_400;
/// The longest location and ISP, in characters.
const MAX_LABEL: usize = 64;

/// A backend in janus-cloud's fields; unknown values are 0 or empty.
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

pub(super) async fn list(State(context): State<Context>) -> Result<Response, JanusCloudError> {
    let directory = &context.directory;
    let discovered = directory.discovered_backends().await?;
    let mut servers: BTreeMap<_, _> =
        discovered.into_iter().map(|backend| (backend.name.clone(), from_discovered(backend))).collect();
    for backend in directory.backends().await? {
        match servers.get_mut(&backend.name) {
            // The connector's status is newer than the announced one.
            Some(server) => server.status = backend.status.number(),
            None => drop(servers.insert(backend.name.clone(), from_served(backend))),
        }
    }
    let servers: Vec<BackendServer> = servers.into_values().collect();
    Ok(Json(servers).into_response())
}

pub(super) async fn register(
    State(context): State<Context>,
    params: Params,
) -> Result<Response, JanusCloudError> {
    let registration = parse_registration(&params)?;
    context.directory.register_backend(&registration).await?;
    tracing::debug!(backend = %registration.name, url = registration.url, status = ?registration.status, "backend announced");
    notify_changed(&context, registration.name).await
}

pub(super) async fn unregister(
    State(context): State<Context>,
    name: Result<Path<BackendName>, PathRejection>,
) -> Result<Response, JanusCloudError> {
    let Path(name) = name?;
    if context.directory.unregister_backend(&name).await? {
        tracing::info!(backend = %name, "backend removed");
    }
    notify_changed(&context, name).await
}

/// Notifies the routers; one that misses the notice refreshes within a second.
async fn notify_changed(context: &Context, name: BackendName) -> Result<Response, JanusCloudError> {
    let _ = context.bus.publish(&Notice::BackendChanged(name)).await;
    Ok(success())
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
    let status = integer(params, "status", i64::MIN, i64::MAX)?;
    let valid = |number: i64| match u8::try_from(number) {
        Ok(number @ 0..=3) => Ok(BackendStatus::from_number(number)),
        _ => Err(JanusCloudError::bad_request(format!("{number} is not in (0, 1, 2, 3)"))),
    };
    status.map(valid).transpose()
}

fn parse_unsigned(params: &Params, name: &str, max: i64) -> Result<Option<u64>, JanusCloudError> {
    Ok(integer(params, name, 0, max)?.map(i64::unsigned_abs))
}

fn from_discovered(backend: DiscoveredBackend) -> BackendServer {
    BackendServer {
        name: backend.name,
        url: backend.url,
        status: backend.status.number(),
        session_timeout: backend.session_timeout,
        location: backend.location,
        isp: backend.isp,
        session_num: backend.session_num,
        handle_num: backend.handle_num,
        expire: backend.expire,
        start_time: backend.start_time,
        utime: backend.utime,
        ctime: backend.ctime,
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
