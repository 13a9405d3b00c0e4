//! A client's websocket: reads frames, writes what is queued, and never waits for a slow client.
//!
//! The queue holds at most [`MAX_QUEUED`] bytes; past that the client is too slow and the socket is
//! given up. What is queued and not handed to the operating system yet can be taken back.

use futures_util::{Sink, Stream};
use protocol::SessionId;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Bytes that may wait for a client to read them.
pub const MAX_QUEUED: usize = 1 << 20;

/// The largest frame that is read; what is over [`protocol::MAX_REQUEST`] is answered with an error,
/// what is over this ends the connection.
const MAX_FRAME: usize = 8 * protocol::MAX_REQUEST;

/// How websockets are set up: small buffers, because most connections are idle.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MAX_QUEUED)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
}

/// A websocket with its queue.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    queue: VecDeque<(Option<SessionId>, String)>,
    queued: usize,
    unflushed: bool,
}

/// The client does not read fast enough.
#[derive(Debug)]
pub struct TooSlow;

/// What a client does.
pub enum Frame {
    /// It says something.
    Text(String),
    /// It is gone.
    Closed,
}

impl Socket {
    /// Takes over an opened websocket.
    pub fn new(stream: WebSocketStream<TcpStream>) -> Self {
        Self { stream, queue: VecDeque::new(), queued: 0, unflushed: false }
    }

    /// Queues a message; [`frame`](Self::frame) writes it.
    pub fn queue(&mut self, session: Option<SessionId>, text: String) -> Result<(), TooSlow> {
        self.queued += text.len();
        self.queue.push_back((session, text));
        if self.queued > MAX_QUEUED { Err(TooSlow) } else { Ok(()) }
    }

    /// The client's next frame; writes the queue meanwhile. Safe to cancel.
    pub async fn frame(&mut self) -> Frame {
        loop {
            let next = poll_fn(|context| {
                if let Poll::Ready(Err(_)) = self.poll_write(context) {
                    return Poll::Ready(None);
                }
                Pin::new(&mut self.stream).poll_next(context)
            });
            match next.await {
                Some(Ok(Message::Text(text))) => return Frame::Text(text.as_str().to_owned()),
                Some(Ok(Message::Binary(bytes))) => {
                    return Frame::Text(String::from_utf8_lossy(&bytes).into_owned());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => self.unflushed = true,
                Some(Ok(Message::Close(_))) | Some(Err(_)) | None => return Frame::Closed,
            }
        }
    }

    /// Hands over the queue as far as the operating system takes it.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if self.queue.is_empty() && !self.unflushed {
                return Poll::Ready(Ok(()));
            }
            let mut stream = Pin::new(&mut self.stream);
            match self.queue.is_empty() {
                true => {
                    std::task::ready!(stream.poll_flush(context))?;
                    self.unflushed = false;
                }
                false => {
                    std::task::ready!(stream.as_mut().poll_ready(context))?;
                    let Some((_, text)) = self.queue.pop_front() else { continue };
                    self.queued -= text.len();
                    stream.start_send(Message::text(text))?;
                    self.unflushed = true;
                }
            }
        }
    }

    /// Writes what is queued and says goodbye.
    pub async fn close(mut self) {
        let _ = poll_fn(|context| self.poll_write(context)).await;
        let goodbye = CloseFrame { code: CloseCode::Away, reason: "the server is going away".into() };
        let _ = self.stream.close(Some(goodbye)).await;
    }

    /// What was queued for sessions and never written.
    pub fn unheard(self) -> impl Iterator<Item = (SessionId, String)> {
        self.queue.into_iter().filter_map(|(session, text)| session.map(|session| (session, text)))
    }
}
