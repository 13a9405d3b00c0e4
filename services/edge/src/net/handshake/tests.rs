//! Requests as clients and proxies send them, and the responses.

use super::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::time::timeout;

const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
const VERSION_13: &str = "Sec-WebSocket-Version: 13\r\n";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const JANUS: &str = "Sec-WebSocket-Protocol: janus-protocol\r\n";

/// Sends `bytes`; returns the response, and whether a websocket was opened.
async fn answer(bytes: impl AsRef<[u8]>) -> (String, bool) {
    let (mut client, server) = duplex(256 * 1024);
    client.write_all(bytes.as_ref()).await.unwrap();
    let opening = tokio::spawn(open_local(server));
    let response = response(&mut client).await;
    drop(client);
    (response, opening.await.unwrap().is_ok())
}

/// Opens a websocket as on a loopback address.
async fn open_local(server: DuplexStream) -> Result<Upgraded<DuplexStream, ()>, HandshakeError> {
    open(server, &OriginPolicy::new(&[], None), deadline(), |_| Ok(())).await
}

async fn response(client: &mut DuplexStream) -> String {
    let mut text = vec![0; 4096];
    let length = client.read(&mut text).await.unwrap();
    String::from_utf8_lossy(&text[..length]).into_owned()
}

async fn expect_refusal(request: impl AsRef<[u8]>, expected: Refusal) -> String {
    let (answer, opened) = answer(&request).await;
    let request = String::from_utf8_lossy(request.as_ref()).into_owned();
    assert!(!opened && answer == expected.response(), "{request}\n{answer}");
    answer
}

fn request(line: &str, headers: &[&str]) -> String {
    format!("{line}\r\nHost: x\r\n{}\r\n", headers.concat())
}

fn upgrade(headers: &str) -> String {
    request("GET /any?x=1 HTTP/1.1", &[UPGRADE, VERSION_13, KEY, headers])
}

#[tokio::test]
async fn janus_protocol_is_accepted_also_among_others() {
    for offer in ["janus-protocol", "foo, janus-protocol", "foo\r\nSec-WebSocket-Protocol: janus-protocol"] {
        let (answer, opened) = answer(upgrade(&format!("Sec-WebSocket-Protocol: {offer}\r\n"))).await;
        assert!(opened && answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
        assert!(answer.contains("\r\nSec-WebSocket-Protocol: janus-protocol\r\n"), "{answer}");
        // The example of RFC 6455, 1.3.
        assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn every_form_that_janus_takes_is_accepted() {
    let good = request("GET / HTTP/1.1", &[UPGRADE, VERSION_13, KEY, JANUS]);
    let many: String = (0..120).map(|number| format!("X-{number}: y\r\n")).collect();
    for form in [
        good.replace("HTTP/1.1", "HTTP/1.0"),
        good.replace("Host: x\r\n", ""),
        good.replace("\r\n", "\n"),
        good.replace("GET /", "GET http://example.org/janus"),
        good.replace("GET /", "GET /j\u{e4}nus"),
        good.replace("dGhlIHNhbXBsZSBub25jZQ==", "haproxy"),
        upgrade(&format!("{JANUS}{many}")),
        upgrade(&format!("{JANUS}Content-Length: 0\r\n")),
        upgrade(&format!("{JANUS}X_Y: z\r\nSec-WebSocket-Extensions: permessage-deflate\r\n")),
        format!("\r\n{good}"),
        good.replace("Upgrade: WebSocket", "Upgrade: h2c, websocket"),
    ] {
        let (answer, opened) = answer(&form).await;
        assert!(opened && answer.starts_with("HTTP/1.1 101 "), "{form}\n{answer}");
    }
    let mut latin = upgrade(&format!("{JANUS}X-Name: J?\r\n")).into_bytes();
    *latin.iter_mut().rfind(|byte| **byte == b'?').unwrap() = 0xe4;
    assert!(answer(latin).await.1);
}

#[tokio::test]
async fn frames_behind_the_request_are_not_lost() {
    let (mut client, server) = duplex(4096);
    let mut bytes = upgrade(JANUS).into_bytes();
    bytes.extend([0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    client.write_all(&bytes).await.unwrap();
    let upgraded = open_local(server).await.unwrap();
    assert_eq!(upgraded.early, [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
}

#[tokio::test]
async fn each_missing_header_is_named() {
    for (headers, expected) in [
        (&[VERSION_13, KEY, JANUS][..], Refusal::UpgradeHeader),
        (&["Connection: close\r\n", VERSION_13, KEY, JANUS], Refusal::UpgradeHeader),
        (&["Connection: close\r\nUpgrade: websocket\r\n", VERSION_13, KEY, JANUS], Refusal::ConnectionHeader),
        (&["Upgrade: websocket\r\n", VERSION_13, KEY, JANUS], Refusal::ConnectionHeader),
        (&[UPGRADE, KEY, JANUS], Refusal::Version),
        (&[UPGRADE, KEY, JANUS, "Sec-WebSocket-Version: 8\r\n"], Refusal::Version),
        (&[UPGRADE, KEY, JANUS, "Sec-WebSocket-Version: 8, 13\r\n"], Refusal::Version),
        (&[UPGRADE, VERSION_13, JANUS], Refusal::Key),
        (&[UPGRADE, VERSION_13, JANUS, "Sec-WebSocket-Key: \r\n"], Refusal::Key),
        (&[UPGRADE, VERSION_13, KEY], Refusal::NoSubprotocol),
        (&[UPGRADE, VERSION_13, KEY, "Sec-WebSocket-Protocol: \r\n"], Refusal::OtherSubprotocol),
        (&[UPGRADE, VERSION_13, KEY, "Sec-WebSocket-Protocol: http-only\r\n"], Refusal::OtherSubprotocol),
        (&[UPGRADE, VERSION_13, KEY, JANUS, "Content-Length: 5\r\n"], Refusal::Body),
        (&[UPGRADE, VERSION_13, KEY, JANUS, "Transfer-Encoding: chunked\r\n"], Refusal::Body),
        (&[UPGRADE, VERSION_13, KEY, JANUS, "X Y: z\r\n"], Refusal::MalformedHeader),
        (&[UPGRADE, VERSION_13, KEY, JANUS, "X: y\r\n z\r\n"], Refusal::MalformedHeader),
    ] {
        for version in ["1.0", "1.1"] {
            expect_refusal(request(&format!("GET / HTTP/{version}"), headers), expected).await;
        }
    }
    let answer = expect_refusal(request("GET / HTTP/1.1", &[UPGRADE, KEY]), Refusal::Version).await;
    assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
    assert!(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{answer}");
}

#[tokio::test]
async fn page_of_another_origin_is_refused_with_the_option() {
    let with = |origin: &str| upgrade(&format!("{JANUS}Origin: {origin}\r\n"));
    assert!(answer(with("http://localhost:8080")).await.1);
    let refused = expect_refusal(with("https://evil.example"), Refusal::Origin).await;
    assert!(
        refused.starts_with("HTTP/1.1 403 Forbidden\r\n") && refused.contains("--allow-origin"),
        "{refused}"
    );
}

#[tokio::test]
async fn plain_http_request_gets_an_explanation() {
    let page = expect_refusal("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Refusal::Page).await;
    assert!(page.starts_with("HTTP/1.1 426") && page.contains("there is no page here"), "{page}");
    let post = expect_refusal("POST /janus HTTP/1.0\r\n\r\n", Refusal::Method).await;
    assert!(post.starts_with("HTTP/1.1 405") && post.contains("\r\nAllow: GET\r\n"), "{post}");
    expect_refusal(upgrade(JANUS).replace("GET", "POST"), Refusal::Method).await;
    let (head, _) = answer("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 405") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn head_beyond_its_bounds_is_refused_with_the_bound() {
    let headers = |count: usize| "X: y\r\n".repeat(count);
    assert!(answer(upgrade(&format!("{JANUS}{}", headers(MAX_HEADERS - 6)))).await.1);
    let answer = expect_refusal(upgrade(&headers(MAX_HEADERS)), Refusal::TooManyHeaders).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") && answer.contains("more than 128 headers"), "{answer}");
    let cookie = format!("Cookie: {}\r\n", "x".repeat(refusal::MAX_HEAD));
    let large = expect_refusal(upgrade(&cookie), Refusal::HeadTooLarge).await;
    assert!(large.starts_with("HTTP/1.1 431 ") && large.contains("larger than 16384 bytes"), "{large}");
}

#[tokio::test]
async fn other_protocols_are_refused_at_once() {
    for bytes in [&b"\x16"[..], b"PRI * HTTP/2.0\r\n", b"PROXY TCP4 ", b"hello\r\n", b"GET /\n", b"\0"] {
        let (mut client, server) = duplex(4096);
        client.write_all(bytes).await.unwrap();
        tokio::spawn(open_local(server));
        // The client keeps its side open.
        let answer = timeout(Duration::from_millis(500), response(&mut client)).await;
        assert!(answer.unwrap().starts_with("HTTP/1.1 "), "{bytes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_head_is_refused_at_the_deadline() {
    let (mut client, server) = duplex(4096);
    client.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
    let begun = Instant::now();
    let opening = tokio::spawn(open_local(server));
    assert_eq!(response(&mut client).await, Refusal::Timeout.response());
    assert_eq!(begun.elapsed().as_secs(), HANDSHAKE_TIMEOUT.as_secs());
    drop(client);
    assert!(matches!(opening.await.unwrap(), Err(HandshakeError::Refused(Refusal::Timeout))));
}

#[tokio::test(start_paused = true)]
async fn silent_connection_is_closed_without_a_word() {
    let (mut client, server) = duplex(4096);
    let opened = open_local(server).await;
    assert!(matches!(opened, Err(HandshakeError::Closed)));
    assert_eq!(response(&mut client).await, "");
}
