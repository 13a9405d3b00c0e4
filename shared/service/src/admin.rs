//! What an operator and a load balancer ask a process: `/livez`, `/readyz`, `/metrics`.
//!
//! `/livez` says that the process answers, and nothing about its surroundings: a service whose
//! Redis is away is to be left alone, not restarted. `/readyz` says whether to send it work.

use crate::{CancellationToken, Health, http_server, metrics};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

/// The admin routes beside others, which anybody may reach: without the numbers that are looked up, which
/// name services and cost a look.
pub fn routes(health: Health) -> Router {
    routes_with(get(own_metrics), health)
}

/// Serves the admin routes until shutdown.
pub async fn serve(listener: TcpListener, health: Health, shutdown: CancellationToken) {
    http_server::serve(listener, routes_with(get(all_metrics), health), shutdown).await;
}

fn routes_with(numbers: MethodRouter<Health>, health: Health) -> Router {
    let routes = Router::new().route("/livez", get(livez)).route("/readyz", get(readyz));
    routes.route("/metrics", numbers).with_state(health)
}

async fn livez() -> Response {
    ([(CACHE_CONTROL, "no-store")], "ok").into_response()
}

async fn readyz(State(health): State<Health>) -> Response {
    let unmet: Map<String, Value> =
        health.reasons().into_iter().map(|(name, why)| (name, Value::String(why))).collect();
    let uncached = [(CACHE_CONTROL, "no-store")];
    if unmet.is_empty() {
        return (uncached, Json(json!({ "ready": true }))).into_response();
    }
    let body = Json(json!({ "ready": false, "unmet": unmet }));
    (StatusCode::SERVICE_UNAVAILABLE, uncached, body).into_response()
}

async fn own_metrics(State(health): State<Health>) -> Response {
    page(metrics::render(health.reasons().is_empty()))
}

async fn all_metrics(State(health): State<Health>) -> Response {
    page(metrics::render(health.reasons().is_empty()) + &health.collector().render().await)
}

fn page(numbers: String) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], numbers).into_response()
}
