//! Why a handshake fails, the bounds of its request, and the response that names the reason.

use crate::net::address::limit::Limit;
use service::wire_protocol::WireProtocol;
use std::fmt::Write;
use std::io;
use std::time::Duration;

/// The largest request head, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;
/// The most headers of a request. Proxies add some to those of the client.
pub const MAX_HEADERS: usize = 128;
/// How long a client may take to send its request.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why no websocket was opened.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The client sent nothing, as the TCP health checks of proxies do.
    #[error("the client closed the connection")]
    Closed,
    #[error("{}", .0.text())]
    Refused(Refusal),
}

impl From<Refusal> for HandshakeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The cause of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A port without TLS got another protocol than HTTP/1.
    Protocol(WireProtocol),
    /// A trusted proxy sent a malformed or incomplete header of the PROXY protocol.
    ProxyHeader,
    /// A port with TLS got plain HTTP.
    PlainHttp,
    /// The request is not HTTP from its first line on.
    NotHttp,
    RequestLine,
    HttpVersion,
    MalformedHeader,
    HeadTooLarge,
    TooManyHeaders,
    /// The client closed its side within the head.
    Incomplete,
    /// The head was not complete in time.
    Timeout,
    Method,
    /// An ordinary request for a page.
    Page,
    /// The other headers of a websocket are there.
    UpgradeHeader,
    ConnectionHeader,
    Body,
    Version,
    Key,
    NoSubprotocol,
    OtherSubprotocol,
    /// The page's origin is not allowed.
    Origin,
    /// The address of the client has reached this limit.
    Address(Limit),
}

impl Refusal {
    pub const ALL: [Self; 26] = [
        Self::Protocol(WireProtocol::Tls),
        Self::Protocol(WireProtocol::Http2),
        Self::Protocol(WireProtocol::ProxyHeader),
        Self::Protocol(WireProtocol::Unknown),
        Self::ProxyHeader,
        Self::PlainHttp,
        Self::NotHttp,
        Self::RequestLine,
        Self::HttpVersion,
        Self::MalformedHeader,
        Self::HeadTooLarge,
        Self::TooManyHeaders,
        Self::Incomplete,
        Self::Timeout,
        Self::Method,
        Self::Page,
        Self::UpgradeHeader,
        Self::ConnectionHeader,
        Self::Body,
        Self::Version,
        Self::Key,
        Self::NoSubprotocol,
        Self::OtherSubprotocol,
        Self::Origin,
        Self::Address(Limit::Connections),
        Self::Address(Limit::Handshakes),
    ];

    /// The value of the label `cause` in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Protocol(protocol) => protocol.name(),
            Self::ProxyHeader => "proxy_header",
            Self::PlainHttp => "plain_http",
            Self::NotHttp => WireProtocol::Unknown.name(),
            Self::RequestLine => "request_line",
            Self::HttpVersion => "http_version",
            Self::MalformedHeader => "malformed_header",
            Self::HeadTooLarge => "head_too_large",
            Self::TooManyHeaders => "too_many_headers",
            Self::Incomplete => "incomplete",
            Self::Timeout => "timeout",
            Self::Method => "method",
            Self::Page => "page",
            Self::UpgradeHeader => "upgrade",
            Self::ConnectionHeader => "connection",
            Self::Body => "body",
            Self::Version => "version",
            Self::Key => "key",
            Self::NoSubprotocol | Self::OtherSubprotocol => "subprotocol",
            Self::Origin => "origin",
            Self::Address(limit) => limit.name(),
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::Protocol(protocol) => protocol.refusal().map_or(400, |(status, _)| status),
            Self::HttpVersion => 505,
            Self::HeadTooLarge | Self::TooManyHeaders => 431,
            Self::Timeout => 408,
            Self::Origin => 403,
            Self::Address(_) => 429,
            Self::Method => 405,
            Self::Page | Self::UpgradeHeader | Self::Version => 426,
            Self::ProxyHeader
            | Self::PlainHttp
            | Self::NotHttp
            | Self::RequestLine
            | Self::MalformedHeader
            | Self::Incomplete
            | Self::ConnectionHeader
            | Self::Body
            | Self::Key
            | Self::NoSubprotocol
            | Self::OtherSubprotocol => 400,
        }
    }

    /// The cause in words.
    pub fn text(self) -> String {
        let text = match self {
            Self::Protocol(WireProtocol::ProxyHeader) => {
                "The connection begins with a PROXY protocol header, but comes from no trusted proxy. Name the proxy in --trusted-proxies, or remove send-proxy or proxy_protocol from its settings."
            }
            Self::Protocol(protocol) => protocol.refusal().map_or("", |(_, text)| text),
            Self::ProxyHeader => "The PROXY protocol header is malformed or incomplete.",
            Self::PlainHttp => {
                "The client speaks plain HTTP, and this port speaks TLS. Use wss:// for it, also in a proxy."
            }
            Self::NotHttp => "This is not an HTTP request.",
            Self::RequestLine => "The first line of the request is malformed.",
            Self::HttpVersion => "The version of HTTP is not supported; use HTTP/1.1.",
            Self::MalformedHeader => "A header of the request is malformed.",
            Self::HeadTooLarge => return format!("The head of the request is larger than {MAX_HEAD} bytes."),
            Self::TooManyHeaders => return format!("The request has more than {MAX_HEADERS} headers."),
            Self::Incomplete => "The connection was closed before the end of the request's head.",
            Self::Timeout => {
                let seconds = HANDSHAKE_TIMEOUT.as_secs();
                return format!("The head of the request was not complete within {seconds} s.");
            }
            Self::Method => {
                "A websocket is opened with the method GET. This address speaks the Janus API over websockets only."
            }
            Self::Page => "This address speaks the Janus API over websockets; there is no page here.",
            Self::UpgradeHeader => {
                "The header `Upgrade: websocket` is missing. A proxy in between must pass it on (nginx: proxy_set_header Upgrade $http_upgrade)."
            }
            Self::ConnectionHeader => {
                "The header `Connection: Upgrade` is missing. A proxy in between must set it (nginx: proxy_set_header Connection \"upgrade\")."
            }
            Self::Body => {
                "The request that opens a websocket has no body, so no Content-Length or Transfer-Encoding."
            }
            Self::Version => {
                "This address speaks version 13 of the websocket protocol: send `Sec-WebSocket-Version: 13`."
            }
            Self::Key => "The header Sec-WebSocket-Key is missing or empty.",
            Self::NoSubprotocol => {
                "The header `Sec-WebSocket-Protocol: janus-protocol` is missing. A client must ask for this subprotocol, and a proxy in between must pass it on."
            }
            Self::Address(Limit::Handshakes) => "This address opens connections too fast. Try again later.",
            Self::Address(_) => "This address has too many connections. Close some, or try again later.",
            Self::OtherSubprotocol => {
                "The header Sec-WebSocket-Protocol does not offer janus-protocol, the only subprotocol here."
            }
            Self::Origin => {
                "The page that opens this websocket comes from an origin that is not allowed. Allow it with --allow-origin (SWITCHBOARD_ALLOW_ORIGIN) of the edge."
            }
        };
        text.to_owned()
    }

    /// The whole response.
    pub fn response(self) -> String {
        let (status, text) = (self.status(), self.text());
        let mut response = format!("HTTP/1.1 {status} {}\r\n", reason_phrase(status));
        let headers: &[&str] = match (self, status) {
            (Self::Version, _) => {
                &["Connection: Upgrade, close", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
            }
            (_, 426) => &["Connection: Upgrade, close", "Upgrade: websocket"],
            (_, 429) => &["Connection: close", "Retry-After: 5"],
            (_, 405) => &["Connection: close", "Allow: GET"],
            _ => &["Connection: close"],
        };
        for header in headers {
            response.push_str(header);
            response.push_str("\r\n");
        }
        // Writing to a string does not fail.
        let _ = write!(
            response,
            "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{text}\n",
            text.len() + 1
        );
        response
    }
}

fn reason_phrase(status: u16) -> &'static str {
    let status = tokio_tungstenite::tungstenite::http::StatusCode::from_u16(status);
    status.ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_response_names_its_cause_and_closes() {
        for refusal in Refusal::ALL {
            let response = refusal.response();
            let (head, body) = response.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 4") || head.starts_with("HTTP/1.1 505 HTTP"), "{head}");
            assert!(head.contains("close\r\n"), "{head}");
            assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
            assert!(body.len() > 20 && body.ends_with(".\n") || body.ends_with(").\n"), "{body}");
            assert_eq!(head.contains(" 426 "), head.contains("Upgrade: websocket"), "{head}");
        }
    }

    #[test]
    fn no_two_causes_have_the_same_words() {
        let texts: std::collections::HashSet<_> = Refusal::ALL.iter().map(|refusal| refusal.text()).collect();
        // Not HTTP from the first byte on, and from the first line on.
        assert_eq!(texts.len(), Refusal::ALL.len() - 1);
    }
}
