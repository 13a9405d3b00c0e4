//! What goes out together, and what counts as not taken when it does not go out as a whole.

use super::*;
use clap::Parser;
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio_tungstenite::tungstenite::protocol::Role;

const ID: SessionId = SessionId(1);
/// What a frame takes besides a short text.
const HEADER: usize = 2;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: crate::Options,
}

/// A socket whose other end has room for so many bytes.
async fn socket(room: usize) -> (Socket, DuplexStream) {
    let manners = Line::parse_from(["edge"]).options.socket_options();
    let (near, far) = duplex(room);
    let near = CountingTransport::new(Box::new(near));
    let stream = WebSocketStream::from_raw_socket(near, Role::Server, Some(websocket_config(&manners))).await;
    (Socket::new(stream, manners), far)
}

fn queue(socket: &mut Socket, texts: &[&str]) {
    texts.iter().for_each(|text| socket.queue(Some(ID), (*text).to_owned()).unwrap());
}

fn untaken(socket: &Socket) -> Vec<String> {
    socket.unsent_for(ID).iter().map(|text| text.to_string()).collect()
}

#[tokio::test]
async fn queued_messages_are_written_together() {
    let (mut socket, mut far) = socket(1_000).await;
    queue(&mut socket, &["one", "two"]);
    assert!(matches!(socket.next_frame(None).await, Frame::Written));
    assert_eq!(untaken(&socket), [] as [&str; 0]);
    let mut bytes = [0; 1_000];
    let count = far.read(&mut bytes).await.unwrap();
    assert_eq!(&bytes[..count], b"\x81\x03one\x81\x03two");
}

#[tokio::test]
async fn only_incompletely_written_messages_count_as_unsent() {
    let (mut socket, mut far) = socket(2 * (HEADER + 3) + HEADER + 1).await;
    queue(&mut socket, &["one", "two", "three", "four"]);
    assert!(socket.next_frame(None).now_or_never().is_none());
    assert_eq!(untaken(&socket), ["three", "four"]);
    // It goes on where it stopped, and then the next.
    far.read_exact(&mut [0; 2 * (HEADER + 3)]).await.unwrap();
    assert!(socket.next_frame(None).now_or_never().is_none_or(|frame| matches!(frame, Frame::Written)));
    assert_eq!(untaken(&socket), [] as [&str; 0]);
    drop(far);
    queue(&mut socket, &["five"]);
    assert!(matches!(socket.next_frame(None).await, Frame::Closed));
    let unheard: Vec<String> = socket.unsent_by_session().map(|(_, text)| text).collect();
    assert_eq!(unheard, ["five"]);
}
