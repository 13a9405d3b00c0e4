//! Responses in the form of janus-cloud 1.0.0, readable from any origin: success, the response to `OPTIONS`, and errors.
//! An error is `{"info", "exception", "traceback"}`. The exception names the kind; the traceback is empty, since
//! internals are not for clients.

use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bus::SendError;
use bus::message::ProxyRefusal;
use common::{ErrorLog, warn_failure};
use serde_json::{Value, json};

static SENDING: ErrorLog = ErrorLog::new("sending the requests of proxies");
static SERVING: ErrorLog = ErrorLog::new("serving requests about backends");

const ALLOWED_HEADERS: &str = "Origin, X-Requested-With, Content-Type, Accept, Authorization";
const MAX_AGE_SECONDS: &str = "86400";

#[derive(Debug)]
pub(super) struct JanusCloudError {
    status: StatusCode,
    exception: &'static str,
    info: String,
}

impl JanusCloudError {
    fn new(status: StatusCode, exception: &'static str, info: impl Into<String>) -> Self {
        Self { status, exception, info: info.into() }
    }

    pub fn status_code(&self) -> u16 {
        self.status.as_u16()
    }

    pub fn bad_request(info: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", info)
    }

    pub fn unauthorized() -> Self {
        let info = "send the secret of --rest-secret as Authorization: Bearer SECRET";
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", info)
    }

    pub fn too_many_wrong_secrets() -> Self {
        let info = "too many wrong secrets came from this address; the right one is accepted at any time";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", info)
    }

    pub fn forbidden(info: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", info)
    }

    /// 404, also for an unsupported method.
    pub fn not_found(method: &Method, uri: &Uri) -> Self {
        let info = format!("Resource {} not found or method {method} not supported", uri.path());
        Self::new(StatusCode::NOT_FOUND, "NotFound", info)
    }

    pub fn no_such_user(username: &str) -> Self {
        let text = format!("Username '{username}' doesn't exist");
        Self::from(ProxyRefusal { code: 478, text })
    }

    /// 503: the limit of pending requests is reached.
    pub fn too_many() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", "Too many requests are waiting, try again later")
    }

    pub fn timed_out() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", "The server did not answer in time, try again")
    }

    fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "The server is not available, try again")
    }
}

impl From<ProxyRefusal> for JanusCloudError {
    /// The code is an HTTP status; one that is not an error, or not a status, becomes 502.
    fn from(ProxyRefusal { code, text }: ProxyRefusal) -> Self {
        let status = StatusCode::from_u16(code).ok().filter(|_| code >= 400);
        Self::new(status.unwrap_or(StatusCode::BAD_GATEWAY), "Refused", text)
    }
}

impl From<SendError> for JanusCloudError {
    fn from(error: SendError) -> Self {
        warn_failure!(SENDING, %error, "failed to send a proxy's request");
        Self::unavailable()
    }
}

impl From<directory::Error> for JanusCloudError {
    fn from(error: directory::Error) -> Self {
        warn_failure!(SERVING, %error, "failed to serve a request about backends: directory unavailable");
        Self::unavailable()
    }
}

impl From<PathRejection> for JanusCloudError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<BytesRejection> for JanusCloudError {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "the body is too large")
            }
            _ => Self::bad_request("the body could not be read"),
        }
    }
}

impl IntoResponse for JanusCloudError {
    fn into_response(self) -> Response {
        let Self { status, exception, info } = self;
        let body = json!({ "info": info, "exception": exception, "traceback": [] });
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Returns janus-cloud's empty response of success.
pub(super) fn success() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=UTF-8")], "").into_response()
}

/// Returns the response to `OPTIONS` of a route with these methods, written `GET, POST`. It is 200 if the route has the
/// requested method, otherwise 401; the body is `null` (measured).
pub(super) fn preflight(headers: &HeaderMap, methods: &'static str) -> Response {
    let requested = headers.get(ACCESS_CONTROL_REQUEST_METHOD).and_then(|method| method.to_str().ok());
    if !requested.is_some_and(|requested| methods.split(", ").any(|method| method == requested)) {
        return (StatusCode::UNAUTHORIZED, Json(Value::Null)).into_response();
    }
    let allowed: [(HeaderName, &str); 3] = [
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS),
    ];
    (allowed, Json(Value::Null)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_is_not_an_error_becomes_502() {
        let status = |code| JanusCloudError::from(ProxyRefusal { code, text: String::new() }).status.as_u16();
        assert_eq!([478, 480, 999, 502].map(status), [478, 480, 999, 502]);
        assert_eq!([0, 99, 200, 302, 1000, 65535].map(status), [502; 6]);
    }
}
