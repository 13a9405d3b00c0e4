//! Messages are written together, and those that are not written completely count as unsent.

use super::*;
use clap::Parser;
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
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
