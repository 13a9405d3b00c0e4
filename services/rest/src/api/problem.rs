//! Errors of the API as problem details (RFC 9457): a title for the kind, a detail for the occurrence.

use crate::auth::AuthError;
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use common::{BackendName, CallId, ErrorLog, warn_failure};
use protocol::SessionId;
use serde_json::{Value, json};

static SENDING: ErrorLog = ErrorLog::new("sending the requests of operators");
static SERVING: ErrorLog = ErrorLog::new("serving operators");

#[derive(Clone)]
pub(super) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    /// Seconds that the client is asked to wait.
    retry_after: Option<u64>,
}

impl Problem {
    pub fn to_json(&self) -> Value {
        let Self { status, title, detail, .. } = self;
        json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail })
    }

    pub fn too_many(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Too many", detail)
    }

    fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into(), retry_after: None }
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", "there is nothing at this address")
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
            "this address does not support the method",
        )
    }

    pub fn no_such_backend(name: &BackendName) -> Self {
        let detail = format!("there is no backend named {name}");
        Self::new(StatusCode::NOT_FOUND, "No such backend", detail)
    }

    pub fn no_such_user(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "No such user", format!("no user is registered as {name}"))
    }

    pub fn no_such_session(id: SessionId) -> Self {
        Self::new(StatusCode::NOT_FOUND, "No such session", format!("there is no session {id}"))
    }

    pub fn no_such_call(id: CallId) -> Self {
        Self::new(StatusCode::NOT_FOUND, "No such call", format!("there is no call {id}; it may have ended"))
    }

    pub fn no_such_stream(key: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "No such stream", format!("there is no stream with the key {key}"))
    }

    pub fn foreign_user() -> Self {
        let detail = "this user is registered with a janus-cloud proxy, which cannot be controlled from here";
        Self::new(StatusCode::CONFLICT, "Not local", detail)
    }

    pub fn configured_backend(name: &BackendName) -> Self {
        let detail = format!("{name} is configured at a connector (--backend): change it there");
        Self::new(StatusCode::CONFLICT, "Configured elsewhere", detail)
    }

    /// A Janus server may change itself only.
    pub fn not_own_backend() -> Self {
        let detail =
            "this address is not that of the Janus server; with --drain-secret it may drain itself only";
        Self::new(StatusCode::FORBIDDEN, "Not allowed", detail)
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Bad request", detail)
    }

    pub fn unsupported_media_type() -> Self {
        let detail = "send JSON with Content-Type: application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not JSON", detail)
    }

    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Too large", "the body exceeds 64 KiB")
    }

    pub fn not_done(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not done yet", detail)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::WrongSecret => {
                let detail = "send the secret of --rest-secret as Authorization: Bearer SECRET";
                Self::new(StatusCode::UNAUTHORIZED, "Not authorized", detail)
            }
            AuthError::TooManyWrongSecrets(pause) => {
                let detail =
                    "too many wrong secrets came from this address; the right one is accepted at any time";
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many wrong secrets", detail);
                Self { retry_after: Some(pause.as_secs()), ..problem }
            }
            AuthError::NotLocal(detail) => Self::new(StatusCode::FORBIDDEN, "Not allowed", detail),
        }
    }
}

impl From<directory::Error> for Problem {
    fn from(error: directory::Error) -> Self {
        warn_failure!(SERVING, %error, "failed to serve an operator: directory unavailable");
        let detail = "the directory is not available; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not available", detail)
    }
}

impl From<bus::SendError> for Problem {
    fn from(error: bus::SendError) -> Self {
        warn_failure!(SENDING, %error, "failed to send an operator's request");
        match error {
            bus::SendError::NoMailbox => {
                Self::not_done("the service that has to do it is not running; try again later")
            }
            _ => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available",
                "the bus is not available; try again",
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status, self.retry_after);
        let mut response = (status, Json(self.to_json())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            // Each further guess costs a connection.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
