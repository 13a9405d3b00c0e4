//! The admin routes: `/livez`, `/readyz` and `/metrics`.
//!
//! `/livez` reports only that the process answers: an orchestrator must not restart a service whose Redis is
//! down. `/readyz` reports whether the service accepts work.

use crate::health::Health;
use crate::trusted_proxies::TrustedProxies;
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
    http_server::serve(listener, routes_with(get(all_metrics), health), &TrustedProxies::default(), shutdown)
        .await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::BaseUrl;
    use axum::http::Method;
    use http_body_util::Empty;
    use hyper::body::Bytes;
    use std::sync::Arc;

    async fn get(url: &BaseUrl, path: &str) -> (StatusCode, String) {
        let request = url.request(Method::GET, path).body(Empty::<Bytes>::new()).unwrap();
        let response = url.send(request).await.unwrap();
        let status = response.status;
        (status, String::from_utf8(response.read_body(1 << 20).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_scrape_that_panics_gets_500_and_is_counted() {
        metrics::install();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = BaseUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (health, shutdown) = (Health::default(), CancellationToken::new());
        let server = tokio::spawn(serve(listener, health.clone(), shutdown.clone()));
        health.collector().set(Arc::new(|| panic!("the collector has a bug")));
        assert_eq!(get(&url, "/metrics").await.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(get(&url, "/livez").await, (StatusCode::OK, "ok".to_owned()));
        health.collector().set(Arc::new(|| Box::pin(async { Some(Vec::new()) })));
        let (status, text) = get(&url, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("switchboard_http_panics_total 1\n"), "{text}");
        shutdown.cancel();
        server.await.unwrap();
    }
}
