//! A client's websocket. It reads frames, writes what is queued, and never waits for a slow client.
//!
//! The queue holds at most [`MAX_QUEUED_BYTES`]; a client with more is too slow, and its socket is dropped. What is
//! ready is written together, [`WRITE_CHUNK`] bytes at a time. Messages that the operating system has not taken as a
//! whole go to the connection that claims the session.

use super::transport::CountingTransport;
use crate::metrics;
use crate::options::SocketOptions;
use common::time::sleep_until;
use futures_util::{Sink, Stream as _, StreamExt};
use protocol::SessionId;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, FrameHeader, coding::CloseCode};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

/// Bytes that may wait for a client to read them.
pub const MAX_QUEUED_BYTES: usize = 1 << 20;

/// Bytes handed to the operating system in one write.
const WRITE_CHUNK: usize = 4 * 1024;
/// The initial read buffer in bytes; it grows when the client sends more.
const READ_BUFFER: usize = 1024;
/// A message of up to this many times the largest request still gets an error as its reply. A larger one ends the
/// connection.
const OVERSIZE_FACTOR: usize = 8;
/// How long a client may take to read why its connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

type Stream = WebSocketStream<CountingTransport>;

/// The configuration of a websocket, with small buffers, because most connections are idle.
pub fn websocket_config(options: &SocketOptions) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_CHUNK)
        .max_write_buffer_size(2 * MAX_QUEUED_BYTES)
        .max_message_size(Some(OVERSIZE_FACTOR * options.max_request))
        .max_frame_size(Some(OVERSIZE_FACTOR * options.max_request))
}

/// A message, and the session that it belongs to.
type Outgoing = (Option<SessionId>, Utf8Bytes);

/// A websocket with its queue.
pub struct Socket {
    stream: Stream,
    options: SocketOptions,
    queue: VecDeque<Outgoing>,
    queued_bytes: usize,
    /// How many of the queued bytes are replayed after a claim. They do not count against the client.
    replayed_bytes: usize,
    /// Messages in the websocket's write buffer, each with the value of `bytes_submitted` at its end.
    buffered: VecDeque<(u64, Outgoing)>,
    /// All bytes given to the websocket so far, including frame headers.
    bytes_submitted: u64,
    is_unflushed: bool,
    last_received: Instant,
    /// A ping is not answered yet.
    is_pinged: bool,
}

/// The result of one attempt to read and write.
enum IoEvent {
    Written,
    Read(Option<Result<Message, Error>>),
}

/// The client does not read fast enough.
#[derive(Debug)]
pub struct TooSlow;

/// What [`Socket::next_frame`] returns.
pub enum Frame {
    Text(String),
    /// All that was queued is written.
    Written,
    Closed,
}

impl Socket {
    pub fn new(stream: Stream, options: SocketOptions) -> Self {
        metrics::client_connected();
        Self {
            bytes_submitted: stream.get_ref().bytes_written(),
            stream,
            options,
            queue: VecDeque::new(),
            queued_bytes: 0,
            replayed_bytes: 0,
            buffered: VecDeque::new(),
            is_unflushed: false,
            last_received: Instant::now(),
            is_pinged: false,
        }
    }

    /// Queues a message; [`next_frame`](Self::next_frame) writes it.
    ///
    /// # Errors
    /// With more than [`MAX_QUEUED_BYTES`] in the queue.
    pub fn queue(&mut self, session: Option<SessionId>, text: String) -> Result<(), TooSlow> {
        let text = self.options.json.apply(text);
        self.queued_bytes += text.len();
        self.queue.push_back((session, text.into()));
        if self.queued_bytes > MAX_QUEUED_BYTES + self.replayed_bytes { Err(TooSlow) } else { Ok(()) }
    }

    /// Queues a message that a session's client missed. The bound of the backlog applies, not that of the queue.
    pub fn queue_replayed(&mut self, session: SessionId, text: String) {
        let before = self.queued_bytes;
        let _ = self.queue(Some(session), text);
        self.replayed_bytes += self.queued_bytes - before;
    }

    /// Waits for the client's next frame, read no earlier than `not_before`. While it waits, it writes the queue and
    /// pings a silent client. Safe to cancel.
    pub async fn next_frame(&mut self, mut not_before: Option<Instant>) -> Frame {
        loop {
            let ping_at = self.ping_deadline();
            tokio::select! {
                biased;
                event = poll_fn(|context| self.poll_io(not_before.is_none(), context)) => match event {
                    IoEvent::Written => return Frame::Written,
                    IoEvent::Read(message) => if let Some(frame) = self.on_message(message).await {
                        return frame;
                    },
                },
                () = sleep_until(not_before), if not_before.is_some() => {
                    // The client may have sent something while the edge did not read.
                    self.last_received = Instant::now();
                    not_before = None;
                }
                () = sleep_until(ping_at), if not_before.is_none() => if !self.ping() {
                    return Frame::Closed;
                },
            }
        }
    }

    /// Reads if it may, and writes if there is nothing to read: nothing is written to a client that has closed.
    fn poll_io(&mut self, may_read: bool, context: &mut Context<'_>) -> Poll<IoEvent> {
        if may_read && let Poll::Ready(message) = Pin::new(&mut self.stream).poll_next(context) {
            return Poll::Ready(IoEvent::Read(message));
        }
        let is_writing = !self.is_flushed();
        match self.poll_write(context) {
            Poll::Ready(Err(_)) => Poll::Ready(IoEvent::Read(None)),
            Poll::Ready(Ok(())) if is_writing => Poll::Ready(IoEvent::Written),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    /// Handles a message from the websocket; returns none for pings and pongs.
    async fn on_message(&mut self, message: Option<Result<Message, Error>>) -> Option<Frame> {
        self.last_received = Instant::now();
        self.is_pinged = false;
        match message {
            Some(Ok(Message::Text(text))) => Some(Frame::Text(text.as_str().to_owned())),
            Some(Ok(Message::Binary(bytes))) => {
                Some(Frame::Text(String::from_utf8_lossy(&bytes).into_owned()))
            }
            Some(Ok(Message::Ping(bytes))) => {
                // The pong. The websocket may write it behind later messages, which then count as unsent for a
                // while: they could be delivered twice, but not lost.
                self.note_submitted(bytes.len());
                None
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => None,
            Some(Err(error)) => Some(self.close_with_protocol_error(&error).await),
            Some(Ok(Message::Close(_))) | None => Some(Frame::Closed),
        }
    }

    /// When to ping a silent client, or, if it was pinged, when it counts as gone.
    fn ping_deadline(&self) -> Option<Instant> {
        let interval = self.options.ping_interval?;
        let timeout = if self.is_pinged { self.options.ping_timeout } else { Duration::ZERO };
        Some(self.last_received + interval + timeout)
    }

    /// False if the previous ping was not answered.
    fn ping(&mut self) -> bool {
        let was_pinged = std::mem::replace(&mut self.is_pinged, true);
        let ping = Pin::new(&mut self.stream).start_send(Message::Ping(Bytes::new()));
        self.note_submitted(0);
        !was_pinged && ping.is_ok()
    }

    async fn close_with_protocol_error(&mut self, error: &Error) -> Frame {
        let (code, reason) = match error {
            Error::Capacity(_) => (CloseCode::Size, "the message is too large"),
            Error::Utf8(_) => (CloseCode::Invalid, "the text is not UTF-8"),
            Error::Protocol(_) => (CloseCode::Protocol, "invalid websocket frame"),
            _ => return Frame::Closed,
        };
        let close = CloseFrame { code, reason: reason.into() };
        let _ = timeout(CLOSE_TIMEOUT, self.stream.close(Some(close))).await;
        Frame::Closed
    }

    /// Writes the queue as far as the operating system takes it.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.is_flushed() {
            let mut stream = Pin::new(&mut self.stream);
            if self.queue.is_empty() {
                ready!(stream.poll_flush(context))?;
                self.is_unflushed = false;
                self.buffered.clear();
                self.bytes_submitted = self.stream.get_ref().bytes_written();
            } else {
                ready!(stream.as_mut().poll_ready(context))?;
                let Some((session, text)) = self.queue.pop_front() else { continue };
                self.queued_bytes -= text.len();
                self.replayed_bytes = self.replayed_bytes.saturating_sub(text.len());
                stream.start_send(Message::Text(text.clone()))?;
                self.note_submitted(text.len());
                self.buffered.push_back((self.bytes_submitted, (session, text)));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The websocket was given a frame with a payload of `length` bytes.
    fn note_submitted(&mut self, length: usize) {
        self.bytes_submitted += (FrameHeader::default().len(length as u64) + length) as u64;
        self.is_unflushed = true;
    }

    /// The messages that the operating system has not taken completely.
    fn unsent(&self) -> impl Iterator<Item = &Outgoing> {
        let written = self.stream.get_ref().bytes_written();
        let buffered = self.buffered.iter().filter(move |(end, _)| *end > written);
        buffered.map(|(_, message)| message).chain(&self.queue)
    }

    /// Whether the operating system has taken all messages.
    pub fn is_flushed(&self) -> bool {
        self.queue.is_empty() && !self.is_unflushed
    }

    /// Writes what is queued, and closes. Waits for the client to close too: a connection that is closed with unread
    /// input is reset, and the last messages may be lost.
    pub async fn close(&mut self, code: CloseCode, reason: &'static str) {
        let close = CloseFrame { code, reason: reason.into() };
        let _ = timeout(CLOSE_TIMEOUT, async {
            let _ = poll_fn(|context| self.poll_write(context)).await;
            let _ = self.stream.close(Some(close)).await;
            while let Some(Ok(_)) = self.stream.next().await {}
        })
        .await;
    }

    /// The unsent messages of a session.
    pub fn unsent_for(&self, session: SessionId) -> Vec<Arc<str>> {
        let unsent = self.unsent().filter(|(owner, _)| *owner == Some(session));
        unsent.map(|(_, text)| text.as_str().into()).collect()
    }

    /// Returns the unsent messages of a session and removes those that the websocket has not begun to write.
    pub fn take_unsent(&mut self, session: SessionId) -> Vec<Arc<str>> {
        let unsent = self.unsent_for(session);
        self.queue.retain(|(owner, _)| *owner != Some(session));
        self.queued_bytes = self.queue.iter().map(|(_, text)| text.len()).sum();
        self.replayed_bytes = self.replayed_bytes.min(self.queued_bytes);
        unsent
    }

    /// The unsent messages of all sessions.
    pub fn unsent_by_session(&self) -> impl Iterator<Item = (SessionId, String)> {
        self.unsent().filter_map(|(session, text)| session.map(|session| (session, text.as_str().to_owned())))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        metrics::client_disconnected();
    }
}
