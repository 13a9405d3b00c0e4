//! A minimal HTTP/1 client: one request per connection, plain `http://` only, no redirects, bounded.
//!
//! | bound | when it is reached |
//! |---|---|
//! | [`CONNECT_TIMEOUT`] | [`HttpError::ConnectTimeout`] |
//! | [`MAX_HEAD`] | [`HttpError::Protocol`] |
//! | the `max` of [`HttpResponse::read_body`] | [`HttpError::Body`] |
//!
//! The caller limits the whole exchange with [`tokio::time::timeout`].

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::http::uri::Scheme;
use hyper::http::{self, request};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// How long the TCP connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest head of a response, in bytes.
pub const MAX_HEAD: usize = 32 * 1024;
const AGENT: &str = concat!("switchboard/", env!("CARGO_PKG_VERSION"));

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The TCP connection failed.
    #[error("cannot connect: {0}")]
    Connect(#[from] io::Error),
    /// The TCP connection took longer than [`CONNECT_TIMEOUT`].
    #[error("cannot connect within {secs} s", secs = CONNECT_TIMEOUT.as_secs())]
    ConnectTimeout,
    /// The request cannot be written as HTTP.
    #[error(transparent)]
    Request(#[from] http::Error),
    /// The server does not speak HTTP, or closed the connection early.
    #[error(transparent)]
    Protocol(#[from] hyper::Error),
    /// The body is too large or incomplete.
    #[error(transparent)]
    Body(Box<dyn Error + Send + Sync>),
}

/// The base of a server's URLs: `http://HOST[:PORT][/PATH]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    host: String,
    port: u16,
    /// Host and port as they were written, for the `Host` header.
    authority: String,
    path: String,
}

/// The text is not a base URL.
#[derive(Debug, thiserror::Error)]
#[error("not a URL of the form http://HOST[:PORT][/PATH]")]
pub struct BaseUrlError;

impl BaseUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// For any scheme but `http`, and for a URL with a user, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let url: Uri = text.trim().parse().map_err(|_| BaseUrlError)?;
        let authority = url.authority().ok_or(BaseUrlError)?;
        let is_plain = url.scheme() == Some(&Scheme::HTTP)
            && !authority.as_str().contains('@')
            && url.query().is_none()
            && !authority.host().is_empty()
            && !text.contains('#');
        if !is_plain {
            return Err(BaseUrlError);
        }
        let port = match &authority.as_str()[authority.host().len()..] {
            "" => 80,
            port => port[1..].parse().map_err(|_| BaseUrlError)?,
        };
        Ok(Self {
            port,
            // The resolver takes an IPv6 address without brackets.
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            authority: authority.as_str().to_owned(),
            path: url.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Returns host and port as they were written.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Begins a request for `path`, which is appended to the base path and begins with a slash.
    pub fn request(&self, method: Method, path: &str) -> request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.path))
            .header(HOST, &self.authority)
            .header(USER_AGENT, AGENT)
            .header(CONNECTION, "close")
    }

    /// Sends a request on a connection of its own and returns the head of the response.
    ///
    /// # Errors
    /// When the connection fails, or the server sends no valid response.
    pub async fn send<B>(&self, request: Request<B>) -> Result<HttpResponse, HttpError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| HttpError::ConnectTimeout)??;
        // Best effort: without it, small requests may wait for a delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let (mut requests, connection) =
            http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await?;
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let response = requests.send_request(request).await?;
        Ok(HttpResponse { status: response.status(), body: response.into_body(), _connection: connection })
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

/// The head of a response, with a body that is still to be read.
pub struct HttpResponse {
    /// The status code.
    pub status: StatusCode,
    body: Incoming,
    /// Closes the connection when dropped.
    _connection: AbortOnDropHandle<Result<(), hyper::Error>>,
}

impl HttpResponse {
    /// Reads the body, of at most `max` bytes.
    ///
    /// # Errors
    /// [`HttpError::Body`].
    pub async fn read_body(self, max: usize) -> Result<Bytes, HttpError> {
        let body = Limited::new(self.body, max).collect().await;
        body.map(|body| body.to_bytes()).map_err(HttpError::Body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CancellationToken, Health, admin};
    use http_body_util::Empty;
    use tokio::net::TcpListener;

    #[test]
    fn a_base_url_is_plain_http() {
        for (text, host, port, url) in [
            ("http://h:8080", "h", 8080, "http://h:8080"),
            (" HTTP://h/", "h", 80, "http://h"),
            ("http://[::1]:8080/below/", "::1", 8080, "http://[::1]:8080/below"),
        ] {
            let base = BaseUrl::parse(text).unwrap();
            assert_eq!((base.host.as_str(), base.port, base.to_string()), (host, port, url.to_owned()));
        }
        for text in [
            "",
            "h",
            "h:8100",
            "/plugins",
            "https://h/x",
            "ftp://h/x",
            "file:///etc/passwd",
            "http://",
            "http:///x",
            "http://user:secret@h/x",
            "http://h/x?y=1",
            "http://h/x#y",
            "http://h:99999/x",
            "http://h:x",
            "http://h/a b",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_response_has_a_status_and_a_bounded_body() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = BaseUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(admin::serve(listener, Health::default(), CancellationToken::new()));
        let get = async |path| {
            base.send(base.request(Method::GET, path).body(Empty::<Bytes>::new()).unwrap()).await.unwrap()
        };
        let response = get("/livez").await;
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.read_body(2).await.unwrap(), "ok");
        assert_eq!(get("/none").await.status, StatusCode::NOT_FOUND);
        assert!(matches!(get("/livez").await.read_body(1).await, Err(HttpError::Body(_))));
    }

    #[tokio::test]
    async fn a_closed_port_is_a_connect_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = BaseUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        let request = base.request(Method::GET, "/").body(Empty::<Bytes>::new()).unwrap();
        assert!(matches!(base.send(request).await, Err(HttpError::Connect(_))));
    }
}
