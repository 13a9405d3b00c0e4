//! Reads the head of a request, within its bounds.

use super::refusal::{HandshakeError, MAX_HEAD, MAX_HEADERS, Refusal};
use service::wire_protocol::WireProtocol;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads until the end of the head. What the client sends instead of HTTP is refused as soon as it is told apart.
///
/// # Errors
/// With the refusal, or when the connection ends. `read` then holds what was received.
pub async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    read: &mut Vec<u8>,
) -> Result<usize, HandshakeError> {
    let mut protocol = None;
    let mut line_is_checked = false;
    let mut scanned = 0;
    loop {
        match stream.read_buf(read).await {
            // Health checks close or reset the connection.
            Ok(0) | Err(_) if read.is_empty() => return Err(HandshakeError::Closed),
            Ok(0) => return Err(Refusal::Incomplete.into()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        protocol = protocol.or_else(|| WireProtocol::detect(read));
        match protocol {
            Some(WireProtocol::Http1) | None => {}
            Some(other) => return Err(Refusal::Protocol(other).into()),
        }
        if let Some(end) = end_of_head(read, scanned) {
            return if end <= MAX_HEAD { Ok(end) } else { Err(Refusal::HeadTooLarge.into()) };
        }
        if read.len() >= MAX_HEAD {
            return Err(Refusal::HeadTooLarge.into());
        }
        if protocol.is_some() && !line_is_checked && read[blank_lines(read)..].contains(&b'\n') {
            check_request_line(read)?;
            line_is_checked = true;
        }
        // The end of a head is at most three bytes long, and may have begun.
        scanned = read.len().saturating_sub(3);
    }
}

/// Returns where the head ends: behind the first blank line that follows another line. Lines end with a line feed,
/// with or without a carriage return, as Janus takes them.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.max(blank_lines(bytes));
    let line_ends = (from..bytes.len()).filter(|index| bytes[*index] == b'\n');
    line_ends.map(|index| index + 1).find_map(|next| match &bytes[next..] {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}

/// Returns the length of the blank lines before the request.
fn blank_lines(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// Checks what has been received of the head, so that a client of another line protocol is not waited for.
fn check_request_line(bytes: &[u8]) -> Result<(), Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    match httparse::Request::new(&mut headers).parse(bytes) {
        Ok(_) => Ok(()),
        Err(error) => Err(refusal(error, bytes)),
    }
}

/// Returns the refusal for a head that cannot be parsed.
pub fn refusal(error: httparse::Error, head: &[u8]) -> Refusal {
    use httparse::Error;
    match error {
        Error::TooManyHeaders => Refusal::TooManyHeaders,
        Error::HeaderName | Error::HeaderValue => Refusal::MalformedHeader,
        Error::Version | Error::NewLine | Error::Status | Error::Token => line_refusal(head),
    }
}

/// Returns the refusal for a head whose first line is not `METHOD TARGET HTTP/1.x`.
fn line_refusal(head: &[u8]) -> Refusal {
    let line = head[blank_lines(head)..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let words: Vec<_> = line.split(|byte| *byte == b' ').collect();
    match words.last() {
        Some(version) if !version.starts_with(b"HTTP/") => Refusal::NotHttp,
        Some(version) if words.len() == 3 && !version.starts_with(b"HTTP/1.1") => Refusal::HttpVersion,
        _ => Refusal::RequestLine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt, duplex};

    /// Sends `bytes` in pieces of this size, and the end of the stream; returns the head.
    async fn read_in_pieces(bytes: &[u8], size: usize) -> Result<Vec<u8>, HandshakeError> {
        let (mut client, mut server) = duplex(size);
        let write = async {
            // Fails when the head is refused early.
            let _ = client.write_all(bytes).await;
            drop(client);
        };
        let mut read = Vec::new();
        let end = async {
            let end = read_head(&mut server, &mut read).await;
            drop(server);
            end
        };
        let (end, ()) = tokio::join!(end, write);
        end.map(|end| read[..end].to_vec())
    }

    async fn refused(bytes: &[u8], size: usize) -> Refusal {
        match read_in_pieces(bytes, size).await {
            Err(HandshakeError::Refused(refusal)) => refusal,
            other => panic!("{bytes:?}: {other:?}"),
        }
    }

    #[tokio::test]
    async fn head_ends_at_the_first_blank_line() {
        for head in [
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\nHost: x\n\n",
            "GET / HTTP/1.1\r\nHost: x\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            for size in [1, 2, 3, 7, 1000] {
                let bytes = format!("{head}\u{1}frame\n\n");
                assert_eq!(read_in_pieces(bytes.as_bytes(), size).await.unwrap(), head.as_bytes(), "{size}");
            }
        }
    }

    #[tokio::test]
    async fn other_protocols_are_refused_before_a_head_ends() {
        for (bytes, expected) in [
            (&b"\x16\x03\x01"[..], Refusal::Protocol(WireProtocol::Tls)),
            (b"PRI * HTTP/2.0\r\n", Refusal::Protocol(WireProtocol::Http2)),
            (b"PROXY TCP4 192.0.2.1", Refusal::Protocol(WireProtocol::ProxyHeader)),
            (b"\r\n\r\n\0\r\nQUIT\n", Refusal::Protocol(WireProtocol::ProxyHeader)),
            (b"\x81\x05hello", Refusal::Protocol(WireProtocol::Unknown)),
            (b"EHLO x\r\n", Refusal::NotHttp),
            (b"\nPING\r\n", Refusal::NotHttp),
            (b"GET /\r\n", Refusal::NotHttp),
            (b"GET / HTTP/1.2\r\n", Refusal::HttpVersion),
            (b"GET / HTTP/2.0\r\n", Refusal::HttpVersion),
            (b"GET /a b HTTP/1.1\r\n", Refusal::RequestLine),
            (b"GET / HTTP/1.1\r\nHost: x\r\n", Refusal::Incomplete),
        ] {
            for size in [1, 5, 1000] {
                assert_eq!(refused(bytes, size).await, expected, "{bytes:?} by {size}");
            }
        }
        assert!(matches!(read_in_pieces(b"", 1).await, Err(HandshakeError::Closed)));
    }

    #[tokio::test]
    async fn head_is_bounded() {
        let mut largest = b"GET / HTTP/1.1\r\nX: ".to_vec();
        largest.resize(MAX_HEAD - 4, b'y');
        largest.extend(b"\r\n\r\n");
        assert_eq!(read_in_pieces(&largest, 4096).await.unwrap().len(), MAX_HEAD);
        largest.insert(MAX_HEAD - 4, b'y');
        for size in [4096, 100_000] {
            assert_eq!(refused(&largest, size).await, Refusal::HeadTooLarge);
            assert_eq!(refused(&vec![b'G'; 100_000], size).await, Refusal::HeadTooLarge);
            assert_eq!(refused(&vec![b'\n'; 100_000], size).await, Refusal::HeadTooLarge);
        }
    }
}
