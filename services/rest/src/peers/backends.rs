//! `/backend_servers` and `/sentinel_callback`: who has a Janus server announces it, in janus-cloud's
//! fields (janus-api.md 7.4). The connectors serve what is written down here like what they were told
//! themselves.
//!
//! One bound of janus-cloud is not kept: a server with more than 10,000 sessions is taken too, for there
//! it drops out just when it is loaded (janus-api.md 7.8, 25).

use super::Desk;
use super::check::{float, integer, missed, server_name, text, websocket};
use super::params::Params;
use super::refusal::Refusal;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::response::{IntoResponse, Response};
use bus::message::Notice;
use directory::record::{Backend, BackendStatus, Found, Registration};
use protocol::BackendName;
use serde::Serialize;
use std::collections::BTreeMap;

/// Seconds in a day: the longest that anything may be said for.
const A_DAY: i64 = 86_400;
/// The longest name of a place or a network.
const MAX_WORD: usize = 64;

/// A backend, as janus-cloud shows it; what is not known is 0 or empty.
#[derive(Serialize)]
struct Shown {
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

pub(super) async fn list(State(desk): State<Desk>) -> Result<Response, Refusal> {
    let directory = &desk.context.directory;
    let (found, served) = (directory.found_backends().await?, directory.backends().await?);
    let mut shown: BTreeMap<_, _> =
        found.into_iter().map(|found| (found.name.clone(), of_found(found))).collect();
    for backend in served {
        match shown.get_mut(&backend.name) {
            // It is served, and its connector may know better.
            Some(found) => found.status = backend.status.number(),
            None => drop(shown.insert(backend.name.clone(), of_served(backend))),
        }
    }
    let shown: Vec<Shown> = shown.into_values().collect();
    Ok(([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(shown)).into_response())
}

pub(super) async fn register(State(desk): State<Desk>, params: Params) -> Result<Response, Refusal> {
    let registration = registration(&params)?;
    desk.context.directory.register_backend(&registration).await?;
    tracing::debug!(backend = %registration.name, url = registration.url, status = ?registration.status, "a backend is announced");
    changed(&desk, registration.name).await
}

pub(super) async fn unregister(
    State(desk): State<Desk>,
    name: Result<Path<BackendName>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path(name) = name?;
    if desk.context.directory.unregister_backend(&name).await? {
        tracing::info!(backend = %name, "a backend is removed");
    }
    changed(&desk, name).await
}

/// Tells the routers; one that misses it looks within a second.
async fn changed(desk: &Desk, name: BackendName) -> Result<Response, Refusal> {
    let _ = desk.context.bus.publish(&Notice::BackendChanged(name)).await;
    Ok(super::success())
}

fn registration(params: &Params) -> Result<Registration, Refusal> {
    let name = server_name(params, "name")?;
    let url = websocket(params, "url")?;
    let status = status(params)?;
    let (Some(name), Some(url), Some(status)) = (name, url, status) else {
        return Err(missed(params, &["name", "url", "status"]));
    };
    Ok(Registration {
        session_timeout: number(params, "session_timeout", A_DAY)?,
        location: text(params, "location", MAX_WORD)?,
        isp: text(params, "isp", MAX_WORD)?,
        session_num: number(params, "session_num", i64::MAX)?,
        handle_num: number(params, "handle_num", i64::MAX)?,
        expire: number(params, "expire", A_DAY)?,
        start_time: float(params, "start_time")?,
        ..Registration::new(name.as_str(), url, status)
    })
}

fn status(params: &Params) -> Result<Option<BackendStatus>, Refusal> {
    let number = integer(params, "status", i64::MIN, i64::MAX)?;
    let known = |number: i64| match u8::try_from(number) {
        Ok(number @ 0..=3) => Ok(BackendStatus::from_number(number)),
        _ => Err(Refusal::bad(format!("{number} is not in (0, 1, 2, 3)"))),
    };
    number.map(known).transpose()
}

fn number(params: &Params, name: &str, max: i64) -> Result<Option<u64>, Refusal> {
    Ok(integer(params, name, 0, max)?.map(i64::unsigned_abs))
}

fn of_found(found: Found) -> Shown {
    Shown {
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

fn of_served(backend: Backend) -> Shown {
    Shown {
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
