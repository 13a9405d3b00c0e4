//! What an operator and a load balancer ask a process: `/livez`, `/readyz`, `/metrics`.
//!
//! `/livez` says that the process answers, and nothing about its surroundings: a service whose
//! Redis is away is to be left alone, not restarted. `/readyz` says whether to send it work.

use crate::{CancellationToken, Health, http, metrics};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

/// The admin routes, to be served alone or beside others.
pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(numbers))
        .with_state(health)
}

/// Serves the admin routes until shutdown.
pub async fn serve(listener: TcpListener, health: Health, shutdown: CancellationToken) {
    http::serve(listener, routes(health), shutdown).await;
}

async fn livez() -> Response {
    ([(CACHE_CONTROL, "no-store")], "ok").into_response()
}

async fn readyz(State(health): State<Health>) -> Response {
    let unmet: Map<String, Value> =
        health.complaints().into_iter().map(|(name, why)| (name, Value::String(why))).collect();
    let uncached = [(CACHE_CONTROL, "no-store")];
    if unmet.is_empty() {
        return (uncached, Json(json!({ "ready": true }))).into_response();
    }
    let body = Json(json!({ "ready": false, "unmet": unmet }));
    (StatusCode::SERVICE_UNAVAILABLE, uncached, body).into_response()
}

async fn numbers() -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render()).into_response()
}
