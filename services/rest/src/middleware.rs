//! What applies to every request: the address of its client, the count of requests in flight, security headers, and the fallback for unknown
//! addresses.

use crate::auth::X_FORWARDED_FOR;
use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;
use service::{Load, TrustedProxies};
use std::net::SocketAddr;

/// Scripts, styles and images from this service only; connections to websockets; no framing.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(self), microphone=(self), geolocation=()"),
    ),
];

const NOT_FOUND_PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
    <title>Not found – Switchboard</title><link rel=\"icon\" href=\"/icon.svg\"><link rel=\"stylesheet\" href=\"/style.css\">\
    <main class=\"lost\"><h2>There is nothing at this address.</h2>\
    <p>The <a href=\"/\">video call page</a> is here.</p></main></html>";

/// Counts the request in the load that this service reports while it is in flight.
pub(crate) async fn count_requests(State(load): State<Load>, request: Request, next: Next) -> Response {
    let _in_flight = load.begin("requests");
    next.run(request).await
}

/// Adds the client's address to the extensions of the request.
pub(crate) async fn identify_client(
    State(proxies): State<TrustedProxies>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let forwarded_for = request.headers().get_all(X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
    let client = proxies.client(source.ip(), forwarded_for);
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// Adds the security headers for browsers to the response.
pub(crate) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(HEADERS);
    response
}

/// Returns 404: a page for browsers, JSON for programs.
pub(crate) async fn not_found(uri: Uri, headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/html") {
        return (StatusCode::NOT_FOUND, Html(NOT_FOUND_PAGE)).into_response();
    }
    let body = json!({ "info": format!("there is nothing at {}", uri.path()) });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
