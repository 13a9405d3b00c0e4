//! What this cluster announces about itself. `/ping` and `/info` have the fields of janus-cloud's REST interface. The
//! `api_base_url` for janus-cloud's proxies is announced through the directory.
//!
//! Any rest service can handle the requests of proxies, so the last announcement wins. A service that stops does not
//! remove the record, since others may be running; it expires after a minute.

use crate::addresses::ProxyUrl;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use common::{ErrorLog, warn_failure};
use directory::Directory;
use serde_json::{Value, json};
use service::CancellationToken;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

static ANNOUNCING: ErrorLog = ErrorLog::new("announcing the URL for proxies");

/// The default session timeout of an edge, in seconds.
const SESSION_TIMEOUT: u64 = 60;
/// The interval between announcements, as in janus-cloud.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(10);
/// The destination by which the outgoing address is determined, as janus-cloud does. Nothing is sent.
const PUBLIC_ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::new(8, 8, 8, 8), 80);

pub(super) fn routes() -> Router {
    Router::new().route("/ping", get(ping)).route("/info", get(info))
}

async fn ping() -> Response {
    Json(json!("pong")).into_response()
}

async fn info() -> Response {
    let body = json!({
        "janus": "server_info",
        "name": "Switchboard",
        "version_string": env!("CARGO_PKG_VERSION"),
        "author": "The Switchboard authors",
        "email": "",
        "website": "",
        "server_name": "Switchboard",
        "session-timeout": SESSION_TIMEOUT,
        "plugins": { "janus.plugin.videocall": video_call() },
    });
    Json(body).into_response()
}

fn video_call() -> Value {
    json!({
        "name": "JANUS VideoCall plugin",
        "author": "The Switchboard authors",
        "description": "Video calls between two registered users, spread over many Janus servers.",
        "version_string": env!("CARGO_PKG_VERSION"),
        "version": 6,
    })
}

/// Announces until shutdown.
pub(super) async fn announce(
    url: Option<ProxyUrl>,
    address: SocketAddr,
    directory: Directory,
    shutdown: CancellationToken,
) {
    let mut ticks = interval(ANNOUNCE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut announced = String::new();
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        // The address of the machine may change.
        let url = url.as_ref().map_or_else(|| url_of(address), |url| url.as_str().to_owned());
        let outcome = directory.announce_proxy(&url).await;
        if outcome.is_ok() {
            ANNOUNCING.succeeded();
        }
        if let Err(error) = outcome {
            warn_failure!(ANNOUNCING, %error, "failed to announce the URL for proxies, retrying");
        }
        if announced != url {
            tracing::info!(%url, "announced the URL for proxies");
            announced = url;
        }
    }
}

fn url_of(address: SocketAddr) -> String {
    let ip = if address.ip().is_unspecified() {
        outgoing_address().unwrap_or(Ipv4Addr::LOCALHOST.into())
    } else {
        address.ip().to_canonical()
    };
    format!("http://{}{}", SocketAddr::new(ip, address.port()), ProxyUrl::DEFAULT_PATH)
}

/// Returns the address of this machine for connections to others.
fn outgoing_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(PUBLIC_ADDRESS).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_url_is_reachable_from_other_machines() {
        let url = |address: &str| url_of(address.parse().unwrap());
        assert_eq!(url("10.0.0.1:8080"), "http://10.0.0.1:8080/plugins/videocall");
        assert_eq!(url("[fd00::1]:80"), "http://[fd00::1]:80/plugins/videocall");
        assert_eq!(url("[::ffff:10.0.0.1]:80"), "http://10.0.0.1:80/plugins/videocall");
        for all in ["0.0.0.0:8080", "[::]:8080"] {
            assert!(!url(all).contains("0.0.0.0") && !url(all).contains("[::]"), "{}", url(all));
        }
    }
}
