//! Upgrades a client's HTTP request to a websocket, and answers any other request with a clear response.
//!
//! A client must offer the subprotocol `janus-protocol`. (Janus closes the connection of one that does not, without a
//! response.) As with Janus, the path does not matter.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use tokio_tungstenite::tungstenite::http::header::{CONTENT_TYPE, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use tokio_tungstenite::tungstenite::http::{self, HeaderValue, Method, Response, StatusCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// The websocket subprotocol of the Janus API.
const SUBPROTOCOL: &str = "janus-protocol";
/// The largest request head, in bytes.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the request was refused with {0}")]
    Rejected(StatusCode),
}

/// Reads the request, and accepts it or responds with the reason why not.
pub async fn open<S>(mut stream: S, config: WebSocketConfig) -> Result<WebSocketStream<S>, HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (head, early) = read_head(&mut stream).await?;
    let response = parse(&head).and_then(|request| accept(&request)).unwrap_or_else(rejection_response);
    let mut text = Vec::new();
    write_response(&mut text, &response).map_err(io::Error::other)?;
    text.extend_from_slice(response.body().as_bytes());
    stream.write_all(&text).await?;
    stream.flush().await?;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => {
            Ok(WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await)
        }
        status => {
            stream.shutdown().await?;
            Err(HandshakeError::Rejected(status))
        }
    }
}

/// Reads the head of a request; returns it and the bytes behind it.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::with_capacity(1024);
    loop {
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let early = head.split_off(end + 4);
            return Ok((head, early));
        }
        if head.len() >= MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
            return Ok((head, Vec::new()));
        }
    }
}

type Rejection = (StatusCode, &'static str);

fn parse(head: &[u8]) -> Result<Request, Rejection> {
    const MALFORMED: Rejection = (StatusCode::BAD_REQUEST, "This is not an HTTP request.");
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) | Err(_) => return Err(MALFORMED),
    }
    let mut request = http::Request::builder()
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default())
        .version(if parsed.version == Some(1) { http::Version::HTTP_11 } else { http::Version::HTTP_10 });
    for header in parsed.headers {
        request = request.header(header.name, header.value);
    }
    request.body(()).map_err(|_| MALFORMED)
}

fn accept(request: &Request) -> Result<Response<String>, Rejection> {
    let upgrade = request.headers().get(UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if request.method() != Method::GET || !upgrade.eq_ignore_ascii_case("websocket") {
        return Err((
            StatusCode::UPGRADE_REQUIRED,
            "This address speaks the Janus API over websockets; there is no page here.",
        ));
    }
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if !offered.any(|protocol| protocol.trim() == SUBPROTOCOL) {
        return Err((StatusCode::BAD_REQUEST, "Ask for the websocket subprotocol janus-protocol."));
    }
    let response = create_response(request)
        .map_err(|_| (StatusCode::BAD_REQUEST, "This is not a websocket request."))?;
    let mut response = response.map(|()| String::new());
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

fn rejection_response((status, text): Rejection) -> Response<String> {
    let mut response = Response::new(format!("{text}\n"));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert("connection", HeaderValue::from_static("close"));
    if status == StatusCode::UPGRADE_REQUIRED {
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    const KEY: &str = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    /// Sends `head`; returns the response, and whether a websocket was opened.
    async fn answer(head: &str) -> (String, bool) {
        let (mut client, server) = duplex(64 * 1024);
        client.write_all(head.as_bytes()).await.unwrap();
        let opened = open(server, WebSocketConfig::default()).await.is_ok();
        let mut text = vec![0; 4096];
        let length = client.read(&mut text).await.unwrap();
        (String::from_utf8_lossy(&text[..length]).into_owned(), opened)
    }

    fn upgrade(protocol: &str) -> String {
        format!(
            "GET /any?x=1 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n{KEY}{protocol}\r\n"
        )
    }

    #[tokio::test]
    async fn janus_protocol_is_accepted_also_among_others() {
        for offer in
            ["janus-protocol", "foo, janus-protocol", "foo\r\nSec-WebSocket-Protocol: janus-protocol"]
        {
            let (answer, opened) = answer(&upgrade(&format!("Sec-WebSocket-Protocol: {offer}\r\n"))).await;
            assert!(opened && answer.starts_with("HTTP/1.1 101"), "{answer}");
            assert!(answer.to_lowercase().contains("sec-websocket-protocol: janus-protocol"), "{answer}");
        }
    }

    #[tokio::test]
    async fn other_protocols_are_refused_with_a_reason() {
        for offer in ["", "Sec-WebSocket-Protocol: http-only\r\n"] {
            let (answer, opened) = answer(&upgrade(offer)).await;
            assert!(
                !opened && answer.starts_with("HTTP/1.1 400") && answer.contains("janus-protocol"),
                "{answer}"
            );
        }
    }

    #[tokio::test]
    async fn plain_http_request_gets_an_explanation() {
        for head in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /janus HTTP/1.0\r\n\r\n"] {
            let (answer, opened) = answer(head).await;
            assert!(!opened && answer.starts_with("HTTP/1.1 426"), "{answer}");
            assert!(
                answer.contains("upgrade: websocket") && answer.contains("there is no page here"),
                "{answer}"
            );
        }
    }

    #[tokio::test]
    async fn malformed_requests_are_refused() {
        for head in ["\r\n\r\n", "hello\r\n\r\n", "GET\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n"] {
            let (answer, opened) = answer(head).await;
            assert!(!opened && answer.starts_with("HTTP/1.1 400"), "{head:?}: {answer}");
        }
        let endless = format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(10_000));
        let (answer, opened) = answer(&endless[..MAX_HEAD]).await;
        assert!(!opened && answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}
