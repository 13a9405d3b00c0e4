//! Upgrades a client's HTTP request to a websocket, and answers any other request with the reason for its refusal.
//!
//! As with Janus, the path does not matter, requests of HTTP/1.0 are accepted (nginx sends them unless it is told
//! otherwise), and any key is taken (health checks send words). A client must offer the subprotocol `janus-protocol`;
//! Janus closes the connection of one that does not, without a response.

mod head;
mod origin;
mod refusal;

pub use origin::OriginPolicy;
pub use refusal::{HandshakeError, Refusal};

use refusal::{HANDSHAKE_TIMEOUT, MAX_HEADERS};
use service::lingering_close::respond_and_close;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The websocket subprotocol of the Janus API.
const SUBPROTOCOL: &str = "janus-protocol";
/// The version of the websocket protocol (RFC 6455, 4.1).
const VERSION: &str = "13";

/// Returns when a handshake that begins now must be complete.
pub fn deadline() -> Instant {
    Instant::now() + HANDSHAKE_TIMEOUT
}

/// A connection whose client has received the response that opens a websocket.
#[derive(Debug)]
pub struct Upgraded<S, T> {
    pub stream: S,
    /// What was read behind the request.
    pub early: Vec<u8>,
    pub admitted: T,
}

/// Reads the request until the deadline, and accepts it or responds with the reason why not. `admit` decides last, from
/// the values of `X-Forwarded-For`.
pub async fn open<S, T>(
    mut stream: S,
    origins: &OriginPolicy,
    deadline: Instant,
    admit: impl FnOnce(&mut dyn DoubleEndedIterator<Item = &[u8]>) -> Result<T, Refusal>,
) -> Result<Upgraded<S, T>, HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut read = Vec::with_capacity(1024);
    let head = match timeout_at(deadline, head::read_head(&mut stream, &mut read)).await {
        Ok(head) => head,
        Err(_) if read.is_empty() => Err(HandshakeError::Closed),
        Err(_) => Err(Refusal::Timeout.into()),
    };
    match head.and_then(|end| Ok((end, accept(&read[..end], origins, admit)?))) {
        Ok((end, (response, admitted))) => {
            timeout_at(deadline, write(&mut stream, &response)).await.map_err(io::Error::from)??;
            Ok(Upgraded { stream, early: read.split_off(end), admitted })
        }
        Err(HandshakeError::Refused(refusal)) => {
            refuse(stream, refusal, read.starts_with(b"HEAD ")).await;
            Err(refusal.into())
        }
        Err(error) => Err(error),
    }
}

/// Responds with the reason, without a body if the request was HEAD, and closes.
pub async fn refuse<S>(stream: S, refusal: Refusal, is_head: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut response = refusal.response();
    if is_head && let Some(end) = response.find("\r\n\r\n") {
        response.truncate(end + 4);
    }
    respond_and_close(stream, response.as_bytes()).await;
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, response: &str) -> io::Result<()> {
    stream.write_all(response.as_bytes()).await?;
    stream.flush().await
}

/// Returns the response that opens the websocket. Its version is 1.1 for a request of HTTP/1.0 too, as Janus' is.
fn accept<T>(
    head: &[u8],
    origins: &OriginPolicy,
    admit: impl FnOnce(&mut dyn DoubleEndedIterator<Item = &[u8]>) -> Result<T, Refusal>,
) -> Result<(String, T), Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Refusal::RequestLine),
        Err(error) => return Err(head::refusal(error, head)),
    }
    let key = check(&request)?;
    if !origins.permits(values(&request, "Origin"), values(&request, "Host").next()) {
        return Err(Refusal::Origin);
    }
    let accept = derive_accept_key(key);
    let admitted = admit(&mut values(&request, "X-Forwarded-For"))?;
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    );
    Ok((response, admitted))
}

/// Checks that a request opens a websocket of the Janus API; returns its key.
fn check<'a>(request: &httparse::Request<'_, 'a>) -> Result<&'a [u8], Refusal> {
    let has = |name| values(request, name).next().is_some();
    let lists = |name, token: &str| tokens(request, name).any(|it| it.eq_ignore_ascii_case(token));
    let is_websocket = has("Sec-WebSocket-Key") || has("Sec-WebSocket-Version");
    let length = values(request, "Content-Length").find(|length| length.trim_ascii() != b"0");
    let key = values(request, "Sec-WebSocket-Key").next().map(<[u8]>::trim_ascii);
    let is_janus = tokens(request, "Sec-WebSocket-Protocol").any(|protocol| protocol == SUBPROTOCOL);
    let failed = match key {
        _ if request.method != Some("GET") => Refusal::Method,
        _ if !lists("Upgrade", "websocket") && !is_websocket => Refusal::Page,
        _ if !lists("Upgrade", "websocket") => Refusal::UpgradeHeader,
        _ if !lists("Connection", "upgrade") => Refusal::ConnectionHeader,
        _ if length.is_some() || has("Transfer-Encoding") => Refusal::Body,
        _ if !tokens(request, "Sec-WebSocket-Version").eq([VERSION]) => Refusal::Version,
        None | Some([]) => Refusal::Key,
        _ if !has("Sec-WebSocket-Protocol") => Refusal::NoSubprotocol,
        _ if !is_janus => Refusal::OtherSubprotocol,
        Some(key) => return Ok(key),
    };
    Err(failed)
}

/// Returns the values of all headers of this name.
fn values<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
    let headers = request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    headers.map(|header| header.value)
}

/// Returns the members of all headers of this name, which are lists.
fn tokens<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> impl Iterator<Item = &'a str> {
    let lists = values(request, name).filter_map(|value| std::str::from_utf8(value).ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests;
