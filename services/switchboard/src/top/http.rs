//! Asks rest, over HTTP, a connection for each question. What can go wrong is said in words for an operator
//! who has to do something about it. Bounds: [`CONNECT`], [`PATIENCE`], [`MAX_BODY`]. `https://` is not
//! spoken: the secret then travels as it is, so use it within a network that you trust, or through a tunnel.

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, HOST, USER_AGENT};
use hyper::http::uri::Scheme;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service::Secret;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
/// The largest answer, in bytes.
const MAX_BODY: usize = 32 << 20;
const USER_AGENT_NAME: &str = concat!("switchboard-top/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer, or not the one that was wanted.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// Nobody is there.
    #[error("rest at {0} cannot be reached: {1}")]
    Unreachable(String, io::Error),
    /// What is there speaks no HTTP, or stopped half-way.
    #[error("rest at {0} does not answer: {1}")]
    Protocol(String, String),
    /// It took too long.
    #[error("rest at {0} did not answer within {secs} s", secs = REQUEST_TIMEOUT.as_secs())]
    Timeout(String),
    /// It wants a secret and was shown none.
    #[error("rest at {0} wants its secret: --rest-secret, or SWITCHBOARD_REST_SECRET, or --rest-secret-file")]
    NoSecret(String),
    /// It was shown another one than its own.
    #[error("rest at {0} does not take this secret: it must be that of its own --rest-secret")]
    WrongSecret(String),
    /// It says no.
    #[error("rest at {0} says: {1}")]
    Refused(String, String),
    /// It is something else.
    #[error("what answers at {0} is no Switchboard rest of this version ({1})")]
    NotRest(String, String),
}

/// `--rest` is none.
#[derive(Debug, thiserror::Error)]
#[error("--rest makes no sense: it has the form http://HOST[:PORT]; https is not spoken")]
pub struct InvalidRestUrl;

/// The way to rest.
#[derive(Clone)]
pub struct RestClient {
    host: String,
    port: u16,
    /// Host and port as they were given.
    authority: String,
    path: String,
    secret: Option<Secret>,
}

impl RestClient {
    /// At this address.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(url: &str, secret: Option<Secret>) -> Result<Self, InvalidRestUrl> {
        let uri: Uri = url.parse().map_err(|_| InvalidRestUrl)?;
        let authority = uri.authority().ok_or(InvalidRestUrl)?;
        if uri.scheme() != Some(&Scheme::HTTP) || authority.as_str().contains('@') || uri.query().is_some() {
            return Err(InvalidRestUrl);
        }
        let port = match &authority.as_str()[authority.host().len()..] {
            "" => 80,
            port => port[1..].parse().map_err(|_| InvalidRestUrl)?,
        };
        Ok(Self {
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            authority: authority.as_str().to_owned(),
            path: uri.path().trim_end_matches('/').to_owned(),
            secret,
        })
    }

    /// Where it is.
    pub fn address(&self) -> String {
        format!("http://{}{}", self.authority, self.path)
    }

    /// Asks for something under `/api/v1`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        let (status, body) = timeout(REQUEST_TIMEOUT, self.exchange(path))
            .await
            .map_err(|_| RestError::Timeout(self.address()))??;
        if status != StatusCode::OK {
            return Err(self.error_for(status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| RestError::NotRest(self.address(), error.to_string()))
    }

    async fn exchange(&self, path: &str) -> Result<(StatusCode, Bytes), RestError> {
        let unreachable = |error| RestError::Unreachable(self.address(), error);
        let broken = |error: &dyn std::fmt::Display| RestError::Protocol(self.address(), error.to_string());
        let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect((self.host.as_str(), self.port)));
        let late = || unreachable(io::Error::new(io::ErrorKind::TimedOut, "no answer within 3 s"));
        let stream = connecting.await.map_err(|_| late())?.map_err(unreachable)?;
        let (mut requests, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = self.request(path).map_err(|error| broken(&error))?;
        let response = requests.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        Ok((status, body.map_err(|error| broken(&error))?.to_bytes()))
    }

    fn request(&self, path: &str) -> hyper::http::Result<Request<Empty<Bytes>>> {
        let mut request = Request::get(format!("{}/api/v1{path}", self.path))
            .header(HOST, &self.authority)
            .header(USER_AGENT, USER_AGENT_NAME)
            .header(CONNECTION, "close");
        if let Some(secret) = &self.secret {
            request = request.header(AUTHORIZATION, format!("Bearer {}", secret.reveal()));
        }
        request.body(Empty::new())
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
    fn an_address_of_rest_is_plain_http() {
        for (url, host, port, address) in [
            ("http://h:8080", "h", 8080, "http://h:8080"),
            ("http://h/", "h", 80, "http://h"),
            ("http://[::1]:8080/below/", "::1", 8080, "http://[::1]:8080/below"),
        ] {
            let rest = RestClient::new(url, None).unwrap();
            assert_eq!((rest.host.as_str(), rest.port, rest.address()), (host, port, address.to_owned()));
        }
        for url in ["", "h", "h:8080", "https://h", "http://", "http://u:p@h", "http://h:x", "http://h/?a=1"]
        {
            assert!(RestClient::new(url, None).is_err(), "{url}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let rest = |secret: Option<&str>| RestClient::new("http://h", secret.map(Secret::from)).unwrap();
        let words = |secret, status: u16, body: &str| {
            rest(secret).error_for(StatusCode::from_u16(status).unwrap(), body.as_bytes()).to_string()
        };
        assert!(words(None, 401, "").contains("--rest-secret"));
        let wrong = words(Some("hunter2"), 401, "");
        assert!(wrong.contains("does not take this secret") && !wrong.contains("hunter2"), "{wrong}");
        let away = r#"{"detail":"the directory is not available; try again"}"#;
        assert_eq!(
            words(None, 503, away),
            "rest at http://h says: the directory is not available; try again"
        );
        assert!(words(None, 404, "<html>").contains("no Switchboard rest"));
    }
}
