//! `OPTIONS` on the routes of janus-cloud, as it answers them: 200 where the method that a browser wants
//! to use is there, 401 otherwise; `null` in either case (measured, and janus-api.md 7.4).

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName,
};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

const ALLOWED_HEADERS: &str = "Origin, X-Requested-With, Content-Type, Accept, Authorization";
const MAX_AGE: &str = "86400";

/// The answer where these methods are, written `GET, POST`.
pub(super) fn answer(headers: &HeaderMap, methods: &'static str) -> Response {
    let wanted = headers.get(ACCESS_CONTROL_REQUEST_METHOD).and_then(|wanted| wanted.to_str().ok());
    let anybody = [(ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    if !wanted.is_some_and(|wanted| methods.split(", ").any(|method| method == wanted)) {
        return (StatusCode::UNAUTHORIZED, anybody, Json(Value::Null)).into_response();
    }
    let may: [(HeaderName, &str); 3] = [
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (anybody, may, Json(Value::Null)).into_response()
}
