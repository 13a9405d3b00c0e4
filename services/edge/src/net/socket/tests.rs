//! Messages are written together, and those that are not written completely count as unsent.

use super::*;
use clap::Parser;
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_tungstenite::tungstenite::protocol::Role;

const ID: SessionId = SessionId(1);
/// Bytes of a frame besides a short text.
const HEADER: usize = 2;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: crate::Options,
}

/// A socket, and the client's end of its transport, which buffers `room` bytes.
async fn socket(room: usize) -> (Socket, DuplexStream) {
    let socket_options = Command::parse_from(["edge"]).options.socket_options();
    let (edge_end, client_end) = duplex(room);
    let edge_end = CountingTransport::new(Box::new(edge_end));
    let stream =
        WebSocketStream::from_raw_socket(edge_end, Role::Server, Some(websocket_config(&socket_options)))
            .await;
    (Socket::new(stream, socket_options), client_end)
}

fn queue(socket: &mut Socket, texts: &[&str]) {
    texts.iter().for_each(|text| socket.queue(Some(ID), (*text).to_owned()).unwrap());
}

fn unsent(socket: &Socket) -> Vec<String> {
    socket.unsent_for(ID).iter().map(|text| text.to_string()).collect()
}

#[tokio::test]
async fn queued_messages_are_written_together() {
    let (mut socket, mut client_end) = socket(1_000).await;
    queue(&mut socket, &["one", "two"]);
    assert!(matches!(socket.next_frame(None).await, Frame::Written));
    assert_eq!(unsent(&socket), [] as [&str; 0]);
    let mut bytes = [0; 1_000];
    let count = client_end.read(&mut bytes).await.unwrap();
    assert_eq!(&bytes[..count], b"\x81\x03one\x81\x03two");
}

#[tokio::test]
async fn only_incompletely_written_messages_count_as_unsent() {
    let (mut socket, mut client_end) = socket(2 * (HEADER + 3) + HEADER + 1).await;
    queue(&mut socket, &["one", "two", "three", "four"]);
    assert!(socket.next_frame(None).now_or_never().is_none());
    assert_eq!(unsent(&socket), ["three", "four"]);
    // It continues where it stopped.
    client_end.read_exact(&mut [0; 2 * (HEADER + 3)]).await.unwrap();
    assert!(socket.next_frame(None).now_or_never().is_none_or(|frame| matches!(frame, Frame::Written)));
    assert_eq!(unsent(&socket), [] as [&str; 0]);
    drop(client_end);
    queue(&mut socket, &["five"]);
    assert!(matches!(socket.next_frame(None).await, Frame::Closed));
    let unsent_texts: Vec<String> = socket.unsent_by_session().map(|(_, text)| text).collect();
    assert_eq!(unsent_texts, ["five"]);
}

/// A masked text, and a masked close frame with code 1000.
const TEXT: &[u8] = b"\x81\x82\0\0\0\0{}";
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";
/// Too long for the transport and for the websocket's own buffer.
const LONG: usize = 2 * WRITE_CHUNK;

/// A socket whose client has not read the begin of a long message, with another one behind it.
async fn blocked_socket() -> (Socket, DuplexStream) {
    let (mut socket, client_end) = socket(1_000).await;
    queue(&mut socket, &["x".repeat(LONG).as_str(), "queued"]);
    assert!(socket.next_frame(None).now_or_never().is_none());
    (socket, client_end)
}

/// Reads all, except the close frame at the end, whose code it returns.
async fn read_to_close(client_end: &mut DuplexStream) -> (Vec<u8>, u16) {
    let mut received = Vec::new();
    client_end.read_to_end(&mut received).await.unwrap();
    let at = received.iter().rposition(|byte| *byte == 0x88).expect("a close frame");
    let close = received.split_off(at);
    (received, u16::from_be_bytes([close[2], close[3]]))
}

#[tokio::test(start_paused = true)]
async fn slow_client_that_reads_again_gets_the_code() {
    let (mut socket, mut client_end) = blocked_socket().await;
    socket.close(CloseReason::TooSlow);
    queue(&mut socket, &["later"]);
    let ((received, code), unsent_texts) = tokio::join!(read_to_close(&mut client_end), async {
        while !matches!(socket.next_frame(None).await, Frame::Closed) {}
        let unsent_texts = unsent(&socket);
        socket.into_lingering().close().await;
        unsent_texts
    });
    assert_eq!((received.len(), code), (LONG + 4, 1008));
    assert_eq!(unsent_texts, ["queued", "later"]);
}

#[tokio::test(start_paused = true)]
async fn slow_client_that_does_not_read_ends_in_time() {
    let (mut socket, _client_end) = blocked_socket().await;
    let began = Instant::now();
    socket.close(CloseReason::TooSlow);
    assert!(matches!(socket.next_frame(None).await, Frame::Closed));
    assert_eq!(unsent(&socket).len(), 2);
    socket.into_lingering().close().await;
    assert_eq!(began.elapsed(), CLOSE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn closing_socket_sends_its_queue_and_reads_the_last_requests() {
    let (mut socket, mut client_end) = blocked_socket().await;
    socket.close(CloseReason::EdgeStops);
    queue(&mut socket, &["later"]);
    client_end.write_all(&[TEXT, CLOSE].concat()).await.unwrap();
    // The client's frames are read first here, so its close frame comes before that of the edge.
    assert!(matches!(socket.next_frame(None).await, Frame::Text(text) if text == "{}"));
    let ((_, code), ()) = tokio::join!(read_to_close(&mut client_end), async {
        while !matches!(socket.next_frame(None).await, Frame::Closed) {}
        assert_eq!(unsent(&socket).len(), 3, "the client ignores what follows its close frame");
        socket.into_lingering().close().await;
    });
    assert_eq!(code, 1000);
}

#[tokio::test(start_paused = true)]
async fn queue_is_written_before_the_close_frame() {
    let (mut socket, mut client_end) = blocked_socket().await;
    socket.close(CloseReason::EdgeStops);
    queue(&mut socket, &["later"]);
    let ((received, code), ()) = tokio::join!(read_to_close(&mut client_end), async {
        while !matches!(socket.next_frame(None).await, Frame::Closed) {}
        assert_eq!(unsent(&socket), ["later"]);
        socket.into_lingering().close().await;
    });
    assert!(received.ends_with(b"\x81\x06queued"));
    assert_eq!(code, 1012);
}

#[tokio::test(start_paused = true)]
async fn closing_socket_holds_no_more_than_a_backlog() {
    let (mut socket, _client_end) = blocked_socket().await;
    socket.close(CloseReason::TooSlow);
    let text = "x".repeat(MAX_QUEUED_BYTES);
    socket.queue(Some(ID), text.clone()).unwrap();
    assert!(socket.queue(Some(ID), text).is_err());
}
