//! Messages are written together, and those that are not written completely count as unsent.

use super::*;
use crate::net::websocket::WRITE_CHUNK;
use clap::Parser;
use futures_util::FutureExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

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
    (Socket::open(Box::new(edge_end), Vec::new(), socket_options, &memory()).await, client_end)
}

fn memory() -> Arc<ClientMemory> {
    ClientMemory::new(256 << 20)
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

/// A masked frame with a payload of zeros, which its mask turns into spaces.
fn frame(first: u8, length: usize) -> Vec<u8> {
    let mut frame = vec![first];
    match length {
        0..126 => frame.push(0x80 | length as u8),
        126..65_536 => frame.extend([&[0x80 | 126][..], &(length as u16).to_be_bytes()].concat()),
        _ => frame.extend([&[0x80 | 127][..], &(length as u64).to_be_bytes()].concat()),
    }
    frame.extend([b' '; 4]);
    frame.extend(vec![0; length]);
    frame
}

const FIRST_FRAGMENT: u8 = 0x01;
const FRAGMENT: u8 = 0x00;
const PING: u8 = 0x89;

/// Runs the socket until it is closed; returns the bytes of its texts and the other frames.
async fn run_to_close(socket: &mut Socket) -> (usize, usize) {
    let (mut texts, mut others) = (0, 0);
    loop {
        match socket.next_frame(None).await {
            Frame::Text(text) => texts += text.len(),
            Frame::Others(count) => others += count,
            Frame::Written => {}
            Frame::Closed => return (texts, others),
        }
    }
}

#[tokio::test]
async fn frames_behind_the_handshake_are_read_first() {
    let options = Command::parse_from(["edge"]).options.socket_options();
    let (edge_end, mut client_end) = duplex(1_000);
    let early = [TEXT, &TEXT[..3]].concat();
    let mut socket = Socket::open(Box::new(edge_end), early, options, &memory()).await;
    client_end.write_all(&TEXT[3..]).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(socket.next_frame(None).await, Frame::Text(text) if text == "{}"));
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_never_ends_is_closed_in_time() {
    let parts = [
        (frame(FIRST_FRAGMENT, 1), frame(PING, 1)),
        (frame(TEXT[0], 9_000), vec![0]),
        (frame(PING, 9), vec![0]),
    ];
    for (first, further) in parts {
        let (mut socket, mut client_end) = socket(1 << 20).await;
        let began = Instant::now();
        client_end
            .write_all(&first[..first.len() - usize::from(first[0] != FIRST_FRAGMENT) * 8])
            .await
            .unwrap();
        let attack = async {
            loop {
                tokio::time::sleep(Duration::from_secs(2)).await;
                let _ = client_end.write_all(&further).await;
            }
        };
        tokio::select! {
            _ = run_to_close(&mut socket) => {}
            () = attack => unreachable!(),
        }
        assert_eq!(began.elapsed().as_secs(), 10, "{:?}", &first[..2]);
        drop(socket);
        let mut received = Vec::new();
        client_end.read_to_end(&mut received).await.unwrap();
        let at = received.iter().rposition(|byte| *byte == 0x88).expect("a close frame");
        assert_eq!(received[at + 2..at + 4], 1008_u16.to_be_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn slow_message_of_64_kib_is_read() {
    let (mut socket, mut client_end) = socket(1 << 20).await;
    let options = Command::parse_from(["edge"]).options.socket_options();
    socket.set_limits(InputLimits::with_session(&options));
    let sending = async {
        for piece in frame(TEXT[0], 64 << 10).chunks(2_400) {
            client_end.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let received = tokio::select! {
        frame = socket.next_frame(None) => matches!(frame, Frame::Text(text) if text.len() == 64 << 10),
        () = sending => false,
    };
    assert!(received);
}

#[tokio::test]
async fn first_message_is_small() {
    for (length, is_read) in [(32 << 10, true), ((32 << 10) + 1, false)] {
        let (mut socket, mut client_end) = socket(1 << 20).await;
        client_end.write_all(&[frame(TEXT[0], length), CLOSE.to_vec()].concat()).await.unwrap();
        let (texts, _) = run_to_close(&mut socket).await;
        assert_eq!(texts, if is_read { length } else { 0 });
        drop(socket);
        assert_eq!(read_to_close(&mut client_end).await.1, if is_read { 1000 } else { 1009 });
    }
}

#[tokio::test]
async fn frames_that_end_no_message_are_counted() {
    let (mut socket, mut client_end) = socket(1 << 20).await;
    let parts = [frame(FIRST_FRAGMENT, 1), vec![frame(FRAGMENT, 0); 500].concat(), frame(0x80, 0)].concat();
    let pings = vec![frame(PING, 0); 50].concat();
    client_end.write_all(&[parts, pings, TEXT.to_vec(), CLOSE.to_vec()].concat()).await.unwrap();
    let mut counts = Vec::new();
    loop {
        match socket.next_frame(None).await {
            Frame::Others(count) => counts.push(count),
            Frame::Closed => break,
            Frame::Text(_) | Frame::Written => {}
        }
    }
    // All but the last frames of the two messages; the close frame is one.
    assert_eq!(counts.iter().sum::<usize>(), 501 + 50 + 1);
    // The frames of one read are counted together.
    assert!(counts.iter().all(|count| *count <= 64 + 1_024 / 6), "{counts:?}");
}

#[tokio::test]
async fn unread_pongs_are_bounded() {
    let (mut socket, mut client_end) = socket(1_000).await;
    let pings = async { while client_end.write_all(&frame(PING, 125)).await.is_ok() {} };
    let mut others = 0;
    tokio::select! {
        () = pings => unreachable!(),
        () = async {
            while !socket.is_closing() {
                if let Frame::Others(count) = socket.next_frame(None).await {
                    others += count;
                }
            }
        } => {}
    }
    assert!(others < 300, "{others} pings");
}

#[tokio::test]
async fn large_read_buffer_is_given_back() {
    let (mut socket, mut client_end) = socket(1 << 20).await;
    let options = Command::parse_from(["edge"]).options.socket_options();
    socket.set_limits(InputLimits::with_session(&options));
    // The second message has begun, so that its first bytes are in the buffer.
    client_end.write_all(&[&frame(TEXT[0], 500_000), &TEXT[..3]].concat()).await.unwrap();
    assert!(matches!(socket.next_frame(None).await, Frame::Text(text) if text.len() == 500_000));
    assert!(socket.next_frame(None).now_or_never().is_none());
    assert!(!socket.has_spare_buffer());
    client_end.write_all(&TEXT[3..]).await.unwrap();
    assert!(matches!(socket.next_frame(None).await, Frame::Text(text) if text == "{}"));
    assert!(socket.has_spare_buffer());
    queue(&mut socket, &["one"]);
    assert!(matches!(socket.next_frame(None).await, Frame::Written));
    assert!(!socket.has_spare_buffer());
    client_end.write_all(TEXT).await.unwrap();
    assert!(matches!(socket.next_frame(None).await, Frame::Text(text) if text == "{}"));
}
