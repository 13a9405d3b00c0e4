//! How a websocket ends, byte by byte, over TCP and TLS: a close frame from each side, then the end of TCP, by the edge
//! first and with `close_notify` under TLS.

use crate::harness::Harness;
use crate::websocket::{PING, certify, connect, connect_tls};
use bus::message::Address;
use common::transport::Transport;
use futures_util::{SinkExt, StreamExt};
use protocol::{HandleId, SessionId};
use rustls::pki_types::CertificateDer;
use serde_json::json;
use std::time::Duration;
use tempfile::TempDir;
use testkit::{Client, DEADLINE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// An edge with TLS or without.
struct Edge {
    harness: Harness,
    certificate: Option<CertificateDer<'static>>,
    _folder: TempDir,
}

impl Edge {
    async fn start(tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = certify(folder.path());
        let file = |name: &str| folder.path().join(name).display().to_string();
        let files = ["--tls-cert".to_owned(), file("cert.pem"), "--tls-key".to_owned(), file("key.pem")];
        let mut options = vec!["--max-frame", "1024"];
        options.extend(files.iter().map(String::as_str).filter(|_| tls));
        let harness = Harness::start(&options).await;
        Self { harness, certificate: tls.then_some(certificate), _folder: folder }
    }

    /// The byte stream of an open websocket.
    async fn open(&self) -> Box<dyn Transport> {
        match &self.certificate {
            Some(certificate) => {
                Box::new(connect_tls(&self.harness, certificate).await.unwrap().into_inner())
            }
            None => Box::new(connect(&self.harness).await.into_inner()),
        }
    }

    /// All that the edge sends after these bytes, until it ends its side. Fails if the connection is reset, or if there
    /// is no `close_notify` under TLS. The client's side stays open meanwhile.
    async fn reply_to(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.open().await;
        stream.write_all(bytes).await.unwrap();
        stream.flush().await.unwrap();
        read_to_end(&mut stream).await
    }
}

async fn read_to_end(stream: &mut Box<dyn Transport>) -> Vec<u8> {
    let mut received = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut received)).await;
    read.expect("the edge ends its side").expect("the edge ends its side properly");
    received
}

/// A masked frame. Its first byte has the flags and the opcode.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn body(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

/// The code of a close frame, if that is all there is.
fn code(received: &[u8]) -> Option<u16> {
    match received {
        [CLOSE, length, high, low, reason @ ..] if usize::from(*length) == reason.len() + 2 => {
            Some(u16::from_be_bytes([*high, *low]))
        }
        _ => None,
    }
}

#[tokio::test]
async fn close_frame_of_a_client_is_answered() {
    for tls in [false, true] {
        let edge = Edge::start(tls).await;
        let valid =
            [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999];
        let mut bodies: Vec<Vec<u8>> = valid.map(|code| body(code, b"")).to_vec();
        bodies.push(Vec::new());
        bodies.extend([&b"bye"[..], "grüß".as_bytes(), &[b'r'; 123]].map(|reason| body(4000, reason)));
        for sent in bodies {
            let answer = [&[CLOSE, sent.len() as u8], &sent[..]].concat();
            assert_eq!(edge.reply_to(&frame(CLOSE, &sent)).await, answer, "tls {tls}, to {sent:?}");
        }
    }
}

#[tokio::test]
async fn invalid_close_frame_is_answered_with_an_error() {
    let edge = Edge::start(false).await;
    for invalid in [0, 1, 999, 1004, 1005, 1006, 1014, 1015, 1016, 2999, 5000, 65535] {
        let received = edge.reply_to(&frame(CLOSE, &body(invalid, b""))).await;
        assert_eq!(code(&received), Some(1002), "to {invalid}: {received:?}");
    }
    assert_eq!(code(&edge.reply_to(&frame(CLOSE, &[3])).await), Some(1002));
    assert_eq!(code(&edge.reply_to(&frame(CLOSE, &body(1000, &[0xff]))).await), Some(1007));
    assert_eq!(code(&edge.reply_to(&frame(CLOSE, &body(1000, &[b'r'; 124]))).await), Some(1002));
}

#[tokio::test]
async fn protocol_error_has_a_close_frame() {
    let (first_fragment, continuation) = (0x01, 0x80);
    let cases: [(&str, Vec<u8>, u16); 14] = [
        ("no mask", vec![TEXT, 2, b'{', b'}'], 1002),
        ("reserved bit 1", frame(TEXT | 0x40, b"{}"), 1002),
        ("reserved bit 3", frame(TEXT | 0x10, b"{}"), 1002),
        ("reserved bit in a ping", frame(0x89 | 0x20, b""), 1002),
        ("opcode 3", frame(0x83, b"{}"), 1002),
        ("opcode 11", frame(0x8b, b""), 1002),
        ("continuation of nothing", frame(continuation, b"{}"), 1002),
        ("text in a text", [frame(first_fragment, b"{"), frame(TEXT, b"}")].concat(), 1002),
        ("ping in fragments", frame(0x09, b""), 1002),
        ("close in fragments", frame(0x08, &body(1000, b"")), 1002),
        ("ping of 126 bytes", frame(0x89, &[0; 126]), 1002),
        ("text that is not UTF-8", frame(TEXT, &[0xff, 0xfe]), 1007),
        ("text of 2^40 bytes", [&[TEXT, 0xff, 0, 0, 1, 0, 0, 0, 0, 0][..], &[0; 9_000]].concat(), 1009),
        ("text of 2^63 bytes", [&[TEXT, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0][..], &[0; 9_000]].concat(), 1009),
    ];
    for tls in [false, true] {
        let edge = Edge::start(tls).await;
        for (name, bytes, expected) in &cases {
            // What follows the error is discarded. If it stayed unread, the end would be a reset.
            let received = edge.reply_to(&[&bytes[..], &[0; 100_000]].concat()).await;
            assert_eq!(code(&received), Some(*expected), "{name}, tls {tls}: {received:?}");
        }
    }
}

#[tokio::test]
async fn half_closed_connection_is_closed() {
    for tls in [false, true] {
        let edge = Edge::start(tls).await;
        let mut stream = edge.open().await;
        stream.shutdown().await.unwrap();
        assert_eq!(read_to_end(&mut stream).await, b"", "tls {tls}");
    }
}

#[tokio::test]
async fn requests_before_a_close_frame_are_answered_first() {
    let edge = Edge::start(false).await;
    let mut stream = edge.open().await;
    stream.write_all(&frame(TEXT, PING.as_bytes())).await.unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(first, [TEXT]);
    // Frames behind a close frame are ignored.
    let rest = [frame(CLOSE, &body(1000, b"")), frame(TEXT, PING.as_bytes()), frame(CLOSE, &[])].concat();
    stream.write_all(&rest).await.unwrap();
    let received = read_to_end(&mut stream).await;
    assert!(received.ends_with(&[CLOSE, 2, 3, 232]), "{received:?}");
    assert_eq!(received.iter().filter(|byte| **byte == TEXT).count(), 0, "{received:?}");
}

#[tokio::test]
async fn client_without_a_pong_gets_a_code() {
    let harness = Harness::start(&["--ping-interval", "1", "--ping-timeout", "1"]).await;
    let mut stream: Box<dyn Transport> = Box::new(connect(&harness).await.into_inner());
    let received = read_to_end(&mut stream).await;
    assert_eq!(&received[..2], [0x89, 0], "a ping");
    assert_eq!(code(&received[2..]), Some(1011), "{received:?}");
}

#[tokio::test]
async fn client_that_closes_during_a_shutdown_is_answered() {
    let mut harness = Harness::first(&[]).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(connect(&harness).await);
    }
    harness.stop.cancel();
    for client in &mut clients {
        let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        client.send(Message::Close(Some(close))).await.unwrap();
        let answer = client.next().await.unwrap().unwrap();
        let Message::Close(Some(CloseFrame { code, .. })) = answer else { panic!("{answer:?}") };
        assert!(matches!(code, CloseCode::Normal | CloseCode::Restart), "{code}");
        assert!(client.next().await.is_none(), "the end of TCP");
    }
    timeout(Duration::from_secs(5), &mut harness.edge).await.unwrap().unwrap();
}

#[tokio::test]
async fn queued_events_precede_the_close_frame_of_the_edge() {
    let harness = Harness::first(&[]).await;
    let alice = Client::attached(&harness.url).await;
    let (session, handle) = (SessionId(alice.session()), HandleId(alice.handle()));
    let address = Address { edge: harness.id.clone(), session, handle };
    let mut socket = connect(&harness).await;
    let claim = json!({"janus": "claim", "transaction": "c", "session_id": alice.session()});
    socket.send(Message::text(claim.to_string())).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().contains("success"));
    for number in 0..500 {
        harness.send_core(&address, number).await;
    }
    harness.wait_until_acked(&harness.id).await;
    harness.stop.cancel();
    let mut count = 0;
    while let Some(Ok(Message::Text(_))) = socket.next().await {
        count += 1;
    }
    assert_eq!(count, 500, "all events, then the close frame");
    assert!(socket.next().await.is_none());
}

#[tokio::test]
async fn session_can_be_claimed_after_a_clean_close() {
    let harness = Harness::first(&[]).await;
    let mut socket = connect(&harness).await;
    let create = json!({"janus": "create", "transaction": "c"});
    socket.send(Message::text(create.to_string())).await.unwrap();
    let created = socket.next().await.unwrap().unwrap();
    let created: serde_json::Value = serde_json::from_str(created.to_text().unwrap()).unwrap();
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    Client::claim(&harness.url, created["data"]["id"].as_u64().unwrap()).await;
}
