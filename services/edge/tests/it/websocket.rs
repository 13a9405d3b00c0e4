//! Websockets: TLS with a certificate that changes, pings, close codes, sizes, IPv6.

use crate::harness::Harness;
use futures_util::{SinkExt, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Bytes, Message};

pub type Plain = WebSocketStream<TcpStream>;

fn address(harness: &Harness) -> String {
    harness.url.trim_start_matches("ws://").to_owned()
}

fn upgrade(url: &str) -> ClientRequestBuilder {
    ClientRequestBuilder::new(url.parse().unwrap()).with_sub_protocol("janus-protocol")
}

pub async fn connect(harness: &Harness) -> Plain {
    let stream = TcpStream::connect(address(harness)).await.unwrap();
    tokio_tungstenite::client_async(upgrade(&harness.url), stream).await.unwrap().0
}

async fn request<S>(socket: &mut WebSocketStream<S>, text: &str) -> String
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(Message::text(text)).await.unwrap();
    socket.next().await.unwrap().unwrap().into_text().unwrap().as_str().to_owned()
}

pub const PING: &str = r#"{"janus":"ping","transaction":"t"}"#;
const PONG: &str = r#"{"janus":"pong","transaction":"t"}"#;

/// Writes a new certificate to the two files; returns its public part.
pub fn certify(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    CertificateDer::from_pem_slice(cert.pem().as_bytes()).unwrap()
}

/// Opens a websocket over TLS; none if the edge has another certificate.
pub async fn connect_tls(
    harness: &Harness,
    certificate: &CertificateDer<'static>,
) -> Option<WebSocketStream<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address(harness)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let (socket, _) = tokio_tungstenite::client_async(upgrade("wss://localhost/"), stream).await.unwrap();
    Some(socket)
}

#[tokio::test]
async fn certificate_is_reloaded_without_closing_connections() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path());
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let options = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let harness = Harness::start(&options).await;
    let mut early = connect_tls(&harness, &first).await.unwrap();
    assert_eq!(request(&mut early, PING).await, PONG);
    let second = certify(folder.path());
    eventually("the new certificate is in use", async || connect_tls(&harness, &second).await.is_some())
        .await;
    assert!(connect_tls(&harness, &first).await.is_none(), "the old certificate is gone");
    assert_eq!(request(&mut early, PING).await, PONG);
    std::fs::write(&certificate, "nonsense").unwrap();
    assert!(connect_tls(&harness, &second).await.is_some(), "an invalid file changes nothing");
}

/// Sends `bytes` and keeps its side open; returns the response, which ends at once.
async fn exchange(harness: &Harness, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address(harness)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut response = Vec::new();
    let read = stream.read_to_end(&mut response);
    timeout(Duration::from_secs(1), read).await.expect("the connection ends at once").unwrap();
    String::from_utf8_lossy(&response).into_owned()
}

const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

#[tokio::test]
async fn tls_on_a_plain_port_is_refused_at_once() {
    let harness = Harness::start(&[]).await;
    let response = exchange(&harness, CLIENT_HELLO).await;
    assert!(response.starts_with("HTTP/1.1 400") && response.contains("client speaks TLS"), "{response}");
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let options = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let harness = Harness::start(&options).await;
    for bytes in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"P", b"PRI * HTTP/2.0\r\n\r\n"] {
        let response = exchange(&harness, bytes).await;
        assert!(
            response.starts_with("HTTP/1.1 400") && response.contains("this port speaks TLS"),
            "{response}"
        );
    }
    let proxied = exchange(&harness, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n").await;
    assert!(proxied.contains("PROXY protocol"), "{proxied}");
    let alert = exchange(&harness, b"\0\0\0\0\0").await;
    assert!(alert.starts_with('\u{15}'), "{alert:?}");
}

#[tokio::test]
async fn client_that_does_not_answer_pings_is_closed() {
    let harness = Harness::start(&["--ping-interval", "1", "--ping-timeout", "1"]).await;
    let mut answers = connect(&harness).await;
    for _ in 0..3 {
        assert!(matches!(answers.next().await, Some(Ok(Message::Ping(_)))));
    }
    assert_eq!(request(&mut answers, PING).await, PONG);
    // Its websocket is not read, so no ping is answered.
    let silent = connect(&harness).await;
    let mut raw = silent.into_inner();
    let mut bytes = Vec::new();
    raw.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes.starts_with(&[0x89, 0]), "a ping came first: {bytes:?}");
}

/// The code that the edge closes the websocket with.
async fn close_code(mut socket: Plain) -> Option<CloseCode> {
    while let Some(message) = socket.next().await {
        match message {
            Ok(Message::Close(frame)) => return frame.map(|frame| frame.code),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    None
}

#[tokio::test]
async fn protocol_errors_have_their_close_codes() {
    let harness = Harness::start(&["--max-frame", "1024"]).await;
    let mut large = connect(&harness).await;
    let refused = request(&mut large, &"x".repeat(2_000)).await;
    assert!(refused.contains("Request too large (2000 bytes, at most 1024)"), "{refused}");
    assert_eq!(request(&mut large, PING).await, PONG);
    large.send(Message::text("x".repeat(10_000))).await.unwrap();
    assert_eq!(close_code(large).await, Some(CloseCode::Size));
    let mut garbled = connect(&harness).await;
    let frame = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    garbled.send(Message::Frame(frame)).await.unwrap();
    assert_eq!(close_code(garbled).await, Some(CloseCode::Invalid));
    let mut reserved = connect(&harness).await;
    let header = FrameHeader {
        opcode: OpCode::Control(Control::Reserved(11)),
        mask: Some([0; 4]),
        ..FrameHeader::default()
    };
    reserved.send(Message::Frame(Frame::from_payload(header, Bytes::new()))).await.unwrap();
    assert_eq!(close_code(reserved).await, Some(CloseCode::Protocol));
}

#[tokio::test]
async fn fragmented_and_binary_messages_are_accepted() {
    let harness = Harness::start(&[]).await;
    let mut socket = connect(&harness).await;
    let (first, second) = PING.as_bytes().split_at(10);
    let start = Frame::message(first.to_vec(), OpCode::Data(Data::Text), false);
    let rest = Frame::message(second.to_vec(), OpCode::Data(Data::Continue), true);
    socket.send(Message::Frame(start)).await.unwrap();
    socket.send(Message::Frame(rest)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap().as_str(), PONG);
    socket.send(Message::binary(PING.as_bytes().to_vec())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap().as_str(), PONG);
}

#[tokio::test]
async fn json_style_follows_the_option() {
    let plain = Harness::start(&["--json", "plain"]).await;
    assert_eq!(request(&mut connect(&plain).await, PING).await, r#"{"janus": "pong", "transaction": "t"}"#);
    let indented = Harness::start(&["--json", "indented"]).await;
    let expected = "{\n   \"janus\": \"pong\",\n   \"transaction\": \"t\"\n}";
    assert_eq!(request(&mut connect(&indented).await, PING).await, expected);
}

#[tokio::test]
async fn shutdown_closes_with_going_away() {
    let harness = Harness::start(&[]).await;
    let mut socket = connect(&harness).await;
    assert_eq!(request(&mut socket, PING).await, PONG);
    harness.stop.cancel();
    assert_eq!(close_code(socket).await, Some(CloseCode::Away));
}

#[tokio::test]
async fn ipv6_clients_are_accepted() {
    let harness = Harness::start_at("[::1]:0", &[]).await;
    assert!(harness.url.starts_with("ws://[::1]:"), "{}", harness.url);
    assert_eq!(request(&mut connect(&harness).await, PING).await, PONG);
}
