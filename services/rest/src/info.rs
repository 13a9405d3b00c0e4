//! `/ping` and `/info`, with the fields that janus-cloud's REST has, readable from any origin.

use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// After how many seconds without a request an edge ends a session.
const SESSION_TIMEOUT: u64 = 60;

pub(crate) fn routes() -> Router {
    Router::new().route("/ping", get(ping)).route("/info", get(info))
}

async fn ping() -> Response {
    any_origin(json!("pong"))
}

async fn info() -> Response {
    any_origin(json!({
        "janus": "server_info",
        "name": "Switchboard",
        "version_string": env!("CARGO_PKG_VERSION"),
        "author": "The Switchboard authors",
        "email": "",
        "website": "",
        "server_name": "Switchboard",
        "session-timeout": SESSION_TIMEOUT,
        "plugins": { "janus.plugin.videocall": video_call() },
    }))
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

fn any_origin(body: Value) -> Response {
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(body)).into_response()
}
