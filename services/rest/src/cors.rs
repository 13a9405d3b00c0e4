//! Lets pages of the origins of `--allow-origin` read responses, and asks for nothing else: without that option browsers
//! keep the responses from pages of other sites.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service::web_origin::AllowedOrigin;
use std::sync::Arc;

const PREFLIGHT: [(HeaderName, &str); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type"),
    (ACCESS_CONTROL_MAX_AGE, "600"),
];

/// Adds the header that lets the page read the response, if its origin is allowed. Answers the preflight requests for the
/// operators' API; janus-cloud's routes answer their own.
pub(crate) async fn allow_origins(
    State(origins): State<Arc<[AllowedOrigin]>>,
    request: Request,
    next: Next,
) -> Response {
    if origins.is_empty() {
        return next.run(request).await;
    }
    let is_allowed = |origin: &&HeaderValue| {
        origin.to_str().is_ok_and(|origin| origins.iter().any(|allowed| allowed.permits(origin)))
    };
    let origin = request.headers().get(ORIGIN).filter(is_allowed).cloned();
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = if origin.is_some() && is_preflight && is_api {
        (StatusCode::NO_CONTENT, PREFLIGHT).into_response()
    } else {
        next.run(request).await
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}
