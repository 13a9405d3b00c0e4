//! Responses of janus-cloud that any origin may read, and its response to `OPTIONS`.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HeaderMap, HeaderName,
};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Lets any origin read a response.
pub(super) const ANY_ORIGIN: [(HeaderName, &str); 1] = [(ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
const ALLOWED_HEADERS: &str = "Origin, X-Requested-With, Content-Type, Accept, Authorization";
const MAX_AGE_SECONDS: &str = "86400";

/// Returns janus-cloud's empty response of success.
pub(super) fn success() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=UTF-8")], ANY_ORIGIN, "").into_response()
}

/// Returns the response to `OPTIONS` of a route with these methods, written `GET, POST`: 200 if it has the requested
/// method, otherwise 401; the body is `null` (measured, and janus-api.md 7.4).
pub(super) fn preflight(headers: &HeaderMap, methods: &'static str) -> Response {
    let requested = headers.get(ACCESS_CONTROL_REQUEST_METHOD).and_then(|method| method.to_str().ok());
    if !requested.is_some_and(|requested| methods.split(", ").any(|method| method == requested)) {
        return (StatusCode::UNAUTHORIZED, ANY_ORIGIN, Json(Value::Null)).into_response();
    }
    let allowed: [(HeaderName, &str); 3] = [
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS),
    ];
    (ANY_ORIGIN, allowed, Json(Value::Null)).into_response()
}
