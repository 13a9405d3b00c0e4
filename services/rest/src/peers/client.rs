//! One POST to a peer's proxy, as janus-cloud's proxies send it (`jc-facts`: a form, no retry), on a
//! connection of its own. The address comes from the directory, where others write: it must be plain
//! HTTP, redirects are not followed, and everything about the answer is bounded.
//!
//! `https://` is not spoken: janus-cloud announces nothing but `http://`.

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use axum::http::{Request, StatusCode, Uri, uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The most that is read of an answer's head, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The most that is read of an answer's body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// What stands in a path as it is (RFC 3986: unreserved).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const USER_AGENT_NAME: &str = concat!("switchboard/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// The address is none.
    #[error("it has no address of the form http://HOST[:PORT]/PATH")]
    InvalidUrl,
    /// Nobody is there.
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    /// What is there speaks no HTTP, or stopped half-way.
    #[error("it does not answer: {0}")]
    Http(#[from] hyper::Error),
    /// It took too long.
    #[error("it did not answer in time")]
    Timeout,
}

/// What a proxy said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PostResponse {
    pub status: StatusCode,
    /// Empty where it was not read: of a success, or because it was too large or did not come.
    pub body: Vec<u8>,
}

/// Where to post.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PostTarget {
    host: String,
    port: u16,
    /// As it was written, for `Host`.
    authority: String,
    path: String,
}

impl PostTarget {
    /// The address of a user at a proxy, from the proxy's `api_base_url`.
    ///
    /// # Errors
    /// When that is no plain HTTP URL, or has a password, a query or a fragment.
    pub fn new(base: &str, username: &str) -> Result<Self, PostError> {
        let url: Uri = base.trim().parse().map_err(|_| PostError::InvalidUrl)?;
        let authority = url.authority().ok_or(PostError::InvalidUrl)?;
        let is_plain = url.scheme() == Some(&uri::Scheme::HTTP)
            && !authority.as_str().contains('@')
            && url.query().is_none()
            && !authority.host().is_empty()
            && !base.contains('#');
        if !is_plain {
            return Err(PostError::InvalidUrl);
        }
        let port = match &authority.as_str()[authority.host().len()..] {
            "" => 80,
            port => port[1..].parse().map_err(|_| PostError::InvalidUrl)?,
        };
        let name = utf8_percent_encode(username, UNRESERVED);
        Ok(Self {
            port,
            // The resolver wants an IPv6 address without its brackets.
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            authority: authority.as_str().to_owned(),
            path: format!("{}/{name}", url.path().trim_end_matches('/')),
        })
    }

    /// Host and port, for the log.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// Posts a form; waits for the answer for `patience`.
pub(super) async fn post(
    target: &PostTarget,
    form: String,
    patience: Duration,
) -> Result<PostResponse, PostError> {
    timeout(patience, exchange(target, form)).await.unwrap_or(Err(PostError::Timeout))
}

async fn exchange(target: &PostTarget, form: String) -> Result<PostResponse, PostError> {
    let connecting = TcpStream::connect((target.host.as_str(), target.port));
    let stream = timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| PostError::Timeout)??;
    let _ = stream.set_nodelay(true);
    let (mut requests, connection) =
        http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let response = requests.send_request(request(target, form)?).await?;
    let status = response.status();
    let body = if status == StatusCode::OK { Vec::new() } else { read_body(response.into_body()).await };
    Ok(PostResponse { status, body })
}

fn request(target: &PostTarget, form: String) -> Result<Request<Body>, PostError> {
    Request::post(&target.path)
        .header(HOST, &target.authority)
        .header(USER_AGENT, USER_AGENT_NAME)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(CONNECTION, "close")
        .body(Body::from(form))
        .map_err(|_| PostError::InvalidUrl)
}

/// The body, unless it is too large or breaks off: the status alone says enough.
async fn read_body(body: Incoming) -> Vec<u8> {
    let read = Limited::new(body, MAX_BODY).collect().await;
    read.map(|body| body.to_bytes().to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_an_address_at_his_proxy() {
        for (base, username, host, port, path) in [
            ("http://h:8100/plugins/videocall", "bob", "h", 8100, "/plugins/videocall/bob"),
            ("http://h:8100/plugins/videocall/", "bob", "h", 8100, "/plugins/videocall/bob"),
            ("HTTP://h", "été 1/..", "h", 80, "/%C3%A9t%C3%A9%201%2F.."),
            ("http://[::1]:80/x", "a-._~", "::1", 80, "/x/a-._~"),
        ] {
            let target = PostTarget::new(base, username).unwrap();
            assert_eq!((target.host.as_str(), target.port, target.path.as_str()), (host, port, path));
        }
    }

    #[test]
    fn an_address_that_is_not_plain_http_is_none() {
        for base in [
            "",
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
            "http://h/a b",
        ] {
            assert!(PostTarget::new(base, "bob").is_err(), "{base}");
        }
    }
}
