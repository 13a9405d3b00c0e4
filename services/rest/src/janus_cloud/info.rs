//! `/ping` and `/info`, with the fields of janus-cloud's REST interface.

use super::cors::ANY_ORIGIN;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// The default session timeout of an edge, in seconds.
const SESSION_TIMEOUT: u64 = 60;

pub(super) fn routes() -> Router {
    Router::new().route("/ping", get(ping)).route("/info", get(info))
}

async fn ping() -> Response {
    (ANY_ORIGIN, Json(json!("pong"))).into_response()
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
    (ANY_ORIGIN, Json(body)).into_response()
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
