//! Tells from the first bytes of a connection which protocol its client speaks.
//!
//! A proxy that is set up for another protocol than its upstream port gets a response that says so, at once. Without
//! this module a server waits for the end of a request head that never comes.

/// What the first bytes of a connection belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireProtocol {
    /// A request of HTTP/1, as far as one can tell.
    Http1,
    /// HTTP/2 without TLS.
    Http2,
    /// A TLS handshake.
    Tls,
    /// A header of the PROXY protocol, of either version.
    ProxyHeader,
    /// None of these.
    Unknown,
}

/// The type of a TLS record that holds a handshake message (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
const SIGNATURES: [(&[u8], WireProtocol); 3] = [
    // The start of the connection preface (RFC 9113, 3.4).
    (b"PRI * HTTP/2", WireProtocol::Http2),
    (b"PROXY ", WireProtocol::ProxyHeader),
    (b"\r\n\r\n\0\r\nQUIT\n", WireProtocol::ProxyHeader),
];

impl WireProtocol {
    /// The most bytes that [`detect`](Self::detect) looks at before it decides, apart from blank lines.
    pub const MAX_SIGNATURE: usize = 12;

    /// Returns the protocol of a connection that begins with `bytes`; none if that needs more bytes.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            return Some(Self::Tls);
        }
        for (signature, protocol) in SIGNATURES {
            if bytes.starts_with(signature) {
                return Some(protocol);
            }
            if signature.starts_with(bytes) {
                return None;
            }
        }
        // HTTP/1 servers ignore blank lines before a request (RFC 9112, 2.2).
        let first = bytes.iter().find(|byte| !matches!(byte, b'\r' | b'\n'))?;
        Some(if is_method_byte(*first) { Self::Http1 } else { Self::Unknown })
    }

    /// Returns the status code and the text that tell a client why a port of plain HTTP/1 refuses its protocol; none
    /// for HTTP/1.
    ///
    /// A TLS client cannot read the text. It reports a "wrong version number", which is the known sign of a port
    /// without TLS.
    pub fn refusal(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Http1 => return None,
            Self::Http2 => (
                505,
                "The client speaks HTTP/2, and this port speaks HTTP/1.1. Set the client or the proxy to HTTP/1.1.",
            ),
            Self::Tls => (
                400,
                "The client speaks TLS, and this port does not. Use ws:// or http:// for it, also in a proxy.",
            ),
            Self::ProxyHeader => (
                400,
                "The connection begins with a PROXY protocol header, which this port does not read. Remove send-proxy or proxy_protocol from the proxy's settings for it.",
            ),
            Self::Unknown => (400, "This is not an HTTP request."),
        })
    }

    /// The protocols that a port of plain HTTP/1 refuses.
    pub const REFUSED: [Self; 4] = [Self::Http2, Self::Tls, Self::ProxyHeader, Self::Unknown];

    /// Returns the value of the label `cause` in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
            Self::Tls => "tls",
            Self::ProxyHeader => "proxy_protocol",
            Self::Unknown => "not_http",
        }
    }
}

/// Whether a method may begin with this byte: a character of a token (RFC 9110, 5.6.2).
fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocol_follows_from_the_first_bytes() {
        for (bytes, expected) in [
            (&b"\x16"[..], WireProtocol::Tls),
            (b"\x16\x03\x01\x02\x00\x01\x00", WireProtocol::Tls),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", WireProtocol::Http2),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", WireProtocol::ProxyHeader),
            (b"PROXY UNKNOWN\r\n", WireProtocol::ProxyHeader),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11", WireProtocol::ProxyHeader),
            (b"GET / HTTP/1.1\r\n", WireProtocol::Http1),
            (b"PRIZE / HTTP/1.1\r\n", WireProtocol::Http1),
            (b"PROPFIND / HTTP/1.1\r\n", WireProtocol::Http1),
            (b"\r\nGET / HTTP/1.1\r\n", WireProtocol::Http1),
            (b"\n\nGET", WireProtocol::Http1),
            (b"\r\n\r\n\0\r\nquit", WireProtocol::Unknown),
            (b"\x80\x2e\x01", WireProtocol::Unknown),
            (b"\0", WireProtocol::Unknown),
            (b"{\"janus\"", WireProtocol::Unknown),
        ] {
            assert_eq!(WireProtocol::detect(bytes), Some(expected), "{bytes:?}");
        }
        for bytes in
            [&b""[..], b"P", b"PR", b"PRI * HTTP/", b"PROXY", b"\r", b"\r\n\r\n\0\r\nQUIT", b"\n\n\n"]
        {
            assert_eq!(WireProtocol::detect(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn first_bytes_decide_within_the_bound() {
        for (signature, _) in SIGNATURES {
            assert!(signature.len() <= WireProtocol::MAX_SIGNATURE);
        }
    }
}
