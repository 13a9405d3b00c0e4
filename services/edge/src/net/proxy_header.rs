//! Reads the header of the PROXY protocol, version 1 or 2, in which a trusted proxy names its client.
//!
//! The header is optional. It comes before everything else, also before TLS.

use super::handshake::{HandshakeError, Refusal};
use proxy_header::{ParseConfig, ProxyHeader};
use service::wire_protocol::WireProtocol;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest header of version 1, which is one line.
const MAX_LINE: usize = 107;
/// The longest header of version 2 that is read. Proxies may add the client's certificate name, and little else.
const MAX_BINARY: usize = 4 * 1024;
/// Where version 2 has its version and command, behind the signature.
const COMMAND: usize = 12;
/// What stands there if the proxy itself is the client, for instance in a health check.
const LOCAL: u8 = 0x20;
/// The length of the fixed part of version 2. Its last two bytes are the length of the rest.
const BINARY_START: usize = 16;

const CONFIG: ParseConfig = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };

/// Reads the header if there is one. Returns the address of the client that it names, if it does. What was read behind
/// the header is in `read` then.
///
/// # Errors
/// When the header is malformed, or the connection ends.
pub async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    read: &mut Vec<u8>,
) -> Result<Option<IpAddr>, HandshakeError> {
    loop {
        match WireProtocol::detect(read) {
            Some(WireProtocol::ProxyHeader) => {
                if let Some(length) = header_length(read)? {
                    let header: Vec<u8> = read.drain(..length).collect();
                    return Ok(client(&header)?);
                }
            }
            Some(_) => return Ok(None),
            None if read.len() >= WireProtocol::MAX_SIGNATURE => return Ok(None),
            None => {}
        }
        match stream.read_buf(read).await {
            Ok(0) | Err(_) if read.is_empty() => return Err(HandshakeError::Closed),
            Ok(0) => return Err(Refusal::ProxyHeader.into()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns the length of the header that `bytes` begin with; none if more bytes are needed to tell, or for the rest.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    if bytes.first() == Some(&b'P') {
        let line = &bytes[..bytes.len().min(MAX_LINE)];
        return match line.iter().position(|byte| *byte == b'\n') {
            Some(end) => Ok(Some(end + 1)),
            None if line.len() == MAX_LINE => Err(Refusal::ProxyHeader),
            None => Ok(None),
        };
    }
    let Some(start) = bytes.get(..BINARY_START) else { return Ok(None) };
    let length =
        BINARY_START + usize::from(u16::from_be_bytes([start[BINARY_START - 2], start[BINARY_START - 1]]));
    if length > MAX_BINARY {
        return Err(Refusal::ProxyHeader);
    }
    Ok((bytes.len() >= length).then_some(length))
}

/// Returns the client that a complete header names.
fn client(header: &[u8]) -> Result<Option<IpAddr>, Refusal> {
    let is_text = header.first() == Some(&b'P');
    if !is_text && header.get(COMMAND) == Some(&LOCAL) {
        return Ok(None);
    }
    match ProxyHeader::parse(header, CONFIG) {
        Ok((parsed, length)) if length == header.len() => {
            Ok(parsed.proxied_address().map(|address| address.source.ip()))
        }
        Ok(_) | Err(_) => Err(Refusal::ProxyHeader),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt, duplex};

    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    fn ipv4() -> Vec<u8> {
        binary(0x21, 0x11, &[192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x34, 0, 80])
    }

    fn ipv6() -> Vec<u8> {
        let (source, destination) = ("2001:db8::1".parse().unwrap(), "fd00::1".parse().unwrap());
        let addresses = [source, destination].map(|address: std::net::Ipv6Addr| address.octets()).concat();
        binary(0x21, 0x21, &[&addresses[..], &[0, 1, 0, 2, 0x05, 0, 1, b'x']].concat())
    }

    /// Sends `bytes` in pieces of this size, and the end of the stream; returns the client and what is left.
    async fn read_in_pieces(bytes: &[u8], size: usize) -> Result<(Option<IpAddr>, Vec<u8>), HandshakeError> {
        let (mut far, mut near) = duplex(size);
        let write = async {
            // Fails when the header is refused early.
            let _ = far.write_all(bytes).await;
            drop(far);
        };
        // Drops its end when the header is refused.
        let exchange = async move {
            let mut left = Vec::new();
            let client = read(&mut near, &mut left).await?;
            near.read_to_end(&mut left).await.unwrap();
            Ok((client, left))
        };
        let (outcome, ()) = tokio::join!(exchange, write);
        outcome
    }

    #[tokio::test]
    async fn header_names_the_client_and_the_rest_is_left() {
        let local = binary(0x20, 0, &[]);
        let local_with_family = binary(0x20, 0x11, &[]);
        let unix = binary(0x21, 0x31, &[0; 216]);
        for (header, expected) in [
            (&b"PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n"[..], Some("192.0.2.1")),
            (b"PROXY TCP6 2001:db8::1 fd00::1 1 2\r\n", Some("2001:db8::1")),
            (b"PROXY UNKNOWN\r\n", None),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
            (&ipv4(), Some("192.0.2.1")),
            (&ipv6(), Some("2001:db8::1")),
            (&local, None),
            (&local_with_family, None),
            (&binary(0x21, 0, &[1, 2, 3]), None),
            (&unix, None),
            (b"", None),
        ] {
            for rest in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01"] {
                for size in [1, 2, 7, 1000] {
                    let (client, left) = read_in_pieces(&[header, rest].concat(), size).await.unwrap();
                    assert_eq!(client, expected.map(|it| it.parse().unwrap()), "{header:?} by {size}");
                    assert_eq!(left, rest, "{header:?} by {size}");
                }
            }
        }
    }

    #[tokio::test]
    async fn other_first_bytes_are_left() {
        for bytes in
            [&b"\r\n\r\nGET / HTTP/1.1\r\n"[..], b"\n\n\n\n\n\n\n\n\n\n\n\n\n\n", b"PROPFIND /", b"\0"]
        {
            for size in [1, 5, 100] {
                assert_eq!(read_in_pieces(bytes, size).await.unwrap(), (None, bytes.to_vec()), "{bytes:?}");
            }
        }
        assert!(matches!(read_in_pieces(b"", 1).await, Err(HandshakeError::Closed)));
    }

    #[tokio::test]
    async fn malformed_and_truncated_headers_are_refused() {
        let long_line = [b"PROXY UNKNOWN ", &[b'x'; 200][..]].concat();
        let long = binary(0x21, 0x11, &[0; MAX_BINARY]);
        let [truncated_ipv4, truncated_ipv6] =
            [ipv4(), ipv6()].map(|header| header[..header.len() - 1].to_vec());
        for bytes in [
            &b"PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\n"[..],
            b"PROXY TCP4 192.0.2.1 10.0.0.1 4660\r\n",
            b"PROXY TCP4 192.0.2.1 10.0.0.1 4660 80 \r\n",
            b"PROXY TCP4 2001:db8::1 10.0.0.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n",
            b"PROXY TCP5 192.0.2.1 10.0.0.1 1 2\r\n",
            b"PROXY \r\n",
            b"PROXY \n",
            b"PROXY TCP4\r\n",
            b"PROXY \xff\xfe\r\n",
            b"PROXY TCP4 192.0.2.1",
            &long_line,
            &long,
            &binary(0x31, 0x11, &[0; 12]),
            &binary(0x22, 0x11, &[0; 12]),
            &binary(0x21, 0x41, &[0; 12]),
            &binary(0x21, 0x11, &[0; 11]),
            &binary(0x21, 0x21, &[0; 35]),
            &binary(0x21, 0x31, &[0; 215]),
            SIGNATURE,
            &truncated_ipv4,
            &truncated_ipv6,
        ] {
            for size in [1, 3, 10_000] {
                let outcome = read_in_pieces(bytes, size).await;
                let is_refused = matches!(outcome, Err(HandshakeError::Refused(Refusal::ProxyHeader)));
                assert!(is_refused, "{bytes:?} by {size}: {outcome:?}");
            }
        }
    }
}
