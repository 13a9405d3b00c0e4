//! Backends come and go by an operator's word. What is added here stands beside what sentinels announce:
//! connectors find it within seconds and serve it. A connector's own `--backend` is not changed here.

use super::ApiState;
use super::backends::{BackendView, notify_changed};
use super::input::{JsonBody, PathParam};
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::BackendName;
use directory::record::{BackendRegistration, BackendStatus};
use serde::Deserialize;

/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 1_024;
/// The longest name of a place or a network, in characters.
const MAX_LABEL: usize = 64;
/// The longest time for which a backend can be added, in seconds: a year.
const MAX_EXPIRE: u64 = 365 * 24 * 60 * 60;

/// A backend to add.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBackend {
    name: String,
    url: String,
    location: Option<String>,
    isp: Option<String>,
    /// Seconds for which it is there; 0, or none, until it is removed.
    expire: Option<u64>,
}

impl NewBackend {
    fn into_registration(self) -> Result<BackendRegistration, Problem> {
        let Self { name, url, location, isp, expire } = self;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_part) {
            return Err(Problem::bad_request("name has 1 to 64 letters, digits, dashes and underscores"));
        }
        if !is_websocket_url(&url) {
            return Err(Problem::bad_request(
                "url has the form ws://HOST[:PORT][/PATH] or wss://..., without a user",
            ));
        }
        let is_label = |label: &Option<String>| {
            label.as_ref().is_none_or(|it| it.chars().count() <= MAX_LABEL && !it.contains(char::is_control))
        };
        if !is_label(&location) || !is_label(&isp) {
            return Err(Problem::bad_request("location and isp have at most 64 characters, none of control"));
        }
        if expire.is_some_and(|expire| expire > MAX_EXPIRE) {
            return Err(Problem::bad_request("expire is a number of seconds, a year at most"));
        }
        let known = BackendRegistration::new(name.as_str(), url, BackendStatus::Normal);
        Ok(BackendRegistration { location, isp, expire: Some(expire.unwrap_or(0)), ..known })
    }
}

/// `POST /backends`. One that was added before is added anew.
pub(super) async fn add(
    State(cluster): State<ApiState>,
    JsonBody(new): JsonBody<NewBackend>,
) -> Result<(StatusCode, Json<BackendView>), Problem> {
    let registration = new.into_registration()?;
    let name = registration.name.clone();
    if is_configured_at_connector(&cluster, &name).await? {
        return Err(Problem::configured_backend(&name));
    }
    cluster.directory.register_backend(&registration).await?;
    let seen = notify_changed(&cluster, name, "an operator adds a backend").await?;
    Ok((StatusCode::CREATED, Json(seen)))
}

/// `DELETE /backends/{name}`
pub(super) async fn remove(
    State(cluster): State<ApiState>,
    PathParam(name): PathParam<BackendName>,
) -> Result<StatusCode, Problem> {
    if is_configured_at_connector(&cluster, &name).await? {
        return Err(Problem::configured_backend(&name));
    }
    if !cluster.directory.unregister_backend(&name).await? {
        return Err(Problem::no_such_backend(&name));
    }
    // Without its record it gets no calls. Drained for ever it would look like one that is missing.
    cluster.directory.undrain_backend(&name).await?;
    notify_changed(&cluster, name, "an operator removes a backend").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a connector serves it, and nobody has written it down.
async fn is_configured_at_connector(cluster: &ApiState, name: &BackendName) -> Result<bool, Problem> {
    let is_served = cluster.directory.backends().await?.iter().any(|backend| backend.name == *name);
    Ok(is_served && !cluster.directory.discovered_backends().await?.iter().any(|found| found.name == *name))
}

fn is_websocket_url(url: &str) -> bool {
    let rest = url.strip_prefix("ws://").or_else(|| url.strip_prefix("wss://")).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map(|(_, port)| port);
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let is_plain = url.len() <= MAX_URL_BYTES && url.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain && is_port && !host.is_empty() && !host.starts_with(':') && !host.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_backend_is_taken() {
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
