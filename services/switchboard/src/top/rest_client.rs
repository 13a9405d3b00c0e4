//! Requests to a rest service. Errors are texts for an operator who has to fix the cause.
//!
//! Only `http://` is supported: the secret travels in plain text, so use it within a trusted network, or
//! through a tunnel.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use service::Secret;
use service::http_client::{BaseUrl, HttpError};
use std::time::Duration;
use tokio::time::timeout;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
/// The largest response, in bytes.
const MAX_BODY: usize = 32 << 20;

/// Why a request has no usable response. The first text is the address of rest.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    #[error("rest at {0} cannot be reached: {1}")]
    Unreachable(String, HttpError),
    /// No HTTP, or a response that broke off.
    #[error("rest at {0} does not answer: {1}")]
    Protocol(String, HttpError),
    #[error("rest at {0} did not answer within {secs} s", secs = REQUEST_TIMEOUT.as_secs())]
    Timeout(String),
    #[error("rest at {0} needs its secret: --rest-secret, SWITCHBOARD_REST_SECRET, or --rest-secret-file")]
    NoSecret(String),
    #[error("rest at {0} does not accept this secret: it must be that of its own --rest-secret")]
    WrongSecret(String),
    #[error("rest at {0} refused: {1}")]
    Refused(String, String),
    #[error("{0} is not a compatible Switchboard rest service: {1}")]
    NotRest(String, String),
}

/// The value of `--rest` is invalid.
#[derive(Debug, thiserror::Error)]
#[error("invalid --rest: expected http://HOST[:PORT]; https is not supported")]
pub struct InvalidRestUrl;

#[derive(Clone)]
pub struct RestClient {
    url: BaseUrl,
    secret: Option<Secret>,
}

impl RestClient {
    pub fn new(url: &str, secret: Option<Secret>) -> Result<Self, InvalidRestUrl> {
        let url = BaseUrl::parse(url).map_err(|_| InvalidRestUrl)?;
        Ok(Self { url, secret })
    }

    /// Returns the URL of rest.
    pub fn address(&self) -> String {
        self.url.to_string()
    }

    /// Requests a path below `/api/v1`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        let (status, body) = timeout(REQUEST_TIMEOUT, self.exchange(path))
            .await
            .map_err(|_| RestError::Timeout(self.address()))?
            .map_err(|error| self.http_error(error))?;
        if status != StatusCode::OK {
            return Err(self.error_for(status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| RestError::NotRest(self.address(), error.to_string()))
    }

    async fn exchange(&self, path: &str) -> Result<(StatusCode, Bytes), HttpError> {
        let mut request = self.url.request(Method::GET, &format!("/api/v1{path}"));
        if let Some(secret) = &self.secret {
            request = request.header(AUTHORIZATION, format!("Bearer {}", secret.reveal()));
        }
        let response = self.url.send(request.body(Empty::<Bytes>::new())?).await?;
        let status = response.status;
        Ok((status, response.read_body(MAX_BODY).await?))
    }

    fn http_error(&self, error: HttpError) -> RestError {
        match error {
            HttpError::Connect(_) | HttpError::ConnectTimeout => {
                RestError::Unreachable(self.address(), error)
            }
            HttpError::Request(_) | HttpError::Protocol(_) | HttpError::Body(_) => {
                RestError::Protocol(self.address(), error)
            }
        }
    }

    fn error_for(&self, status: StatusCode, body: &[u8]) -> RestError {
        let problem: Option<Value> = serde_json::from_slice(body).ok();
        let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
        match (status, detail) {
            (StatusCode::UNAUTHORIZED, _) if self.secret.is_none() => RestError::NoSecret(self.address()),
            (StatusCode::UNAUTHORIZED, _) => RestError::WrongSecret(self.address()),
            (_, Some(detail)) => RestError::Refused(self.address(), detail.to_owned()),
            (status, None) => RestError::NotRest(self.address(), format!("it answers {status}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_url_is_plain_http() {
        for (url, address) in [
            ("http://h:8080", "http://h:8080"),
            ("http://h/", "http://h"),
            ("http://[::1]:8080/below/", "http://[::1]:8080/below"),
        ] {
            assert_eq!(RestClient::new(url, None).unwrap().address(), address);
        }
        for url in ["", "h", "h:8080", "https://h", "http://", "http://u:p@h", "http://h:x", "http://h/?a=1"]
        {
            assert!(RestClient::new(url, None).is_err(), "{url}");
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let rest = |secret: Option<&str>| RestClient::new("http://h", secret.map(Secret::from)).unwrap();
        let text = |secret, status: u16, body: &str| {
            rest(secret).error_for(StatusCode::from_u16(status).unwrap(), body.as_bytes()).to_string()
        };
        assert!(text(None, 401, "").contains("--rest-secret"));
        let wrong = text(Some("hunter2"), 401, "");
        assert!(wrong.contains("does not accept this secret") && !wrong.contains("hunter2"), "{wrong}");
        let unavailable = r#"{"detail":"the directory is not available; try again"}"#;
        assert_eq!(
            text(None, 503, unavailable),
            "rest at http://h refused: the directory is not available; try again"
        );
        assert!(text(None, 404, "<html>").contains("not a compatible Switchboard rest"));
    }
}
