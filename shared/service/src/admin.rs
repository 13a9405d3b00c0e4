//! The admin routes: `/livez`, `/readyz` and `/metrics`.
//!
//! `/livez` reports only that the process answers: an orchestrator must not restart a service whose Redis is
//! down. `/readyz` reports whether the service accepts work.

use crate::health::Health;
use crate::{http_server, metrics};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Returns the admin routes for a public listener. Its `/metrics` omits the metrics collected on scrape, which
/// name services and cost queries.
pub fn routes(health: Health) -> Router {
    routes_with(get(own_metrics), health)
}

/// Serves all admin routes until shutdown.
pub async fn serve(listener: TcpListener, health: Health, shutdown: CancellationToken) {
    http_server::serve(listener, routes_with(get(all_metrics), health), shutdown).await;
}

fn routes_with(metrics: MethodRouter<Health>, health: Health) -> Router {
    let routes = Router::new().route("/livez", get(livez)).route("/readyz", get(readyz));
    routes.route("/metrics", metrics).with_state(health)
}

async fn livez() -> Response {
    ([(CACHE_CONTROL, "no-store")], "ok").into_response()
}

async fn readyz(State(health): State<Health>) -> Response {
    let reasons = health.reasons().into_iter();
    let unmet: Map<String, Value> = reasons.map(|(name, why)| (name, Value::String(why))).collect();
    let uncached = [(CACHE_CONTROL, "no-store")];
    if unmet.is_empty() {
        return (uncached, Json(json!({ "ready": true }))).into_response();
    }
    let body = Json(json!({ "ready": false, "unmet": unmet }));
    (StatusCode::SERVICE_UNAVAILABLE, uncached, body).into_response()
}

async fn own_metrics(State(health): State<Health>) -> Response {
    exposition(metrics::render(health.reasons().is_empty()))
}

async fn all_metrics(State(health): State<Health>) -> Response {
    exposition(metrics::render(health.reasons().is_empty()) + &health.collector().render().await)
}

fn exposition(text: String) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
