//! What went wrong, as problem details (RFC 9457): a title for its kind, and a detail for this time.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use protocol::BackendName;
use serde_json::json;

/// Why a request is refused or could not be done.
pub(super) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into() }
    }

    pub fn nothing_here() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", "there is nothing at this address")
    }

    pub fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", "this address takes another method")
    }

    pub fn no_such_backend(name: &BackendName) -> Self {
        let detail = format!("no connector serves a backend named {name}");
        Self::new(StatusCode::NOT_FOUND, "No such backend", detail)
    }

    pub fn wrong_secret() -> Self {
        let detail = "send the secret of --rest-secret as Authorization: Bearer SECRET";
        Self::new(StatusCode::UNAUTHORIZED, "Not authorized", detail)
    }

    pub fn not_from_here(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Not allowed", detail)
    }
}

impl From<directory::Error> for Problem {
    fn from(error: directory::Error) -> Self {
        tracing::warn!(%error, "a request of an operator could not be done");
        let detail = "the directory is not available; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not available", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, title, detail } = self;
        let body =
            json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
