//! A client's websocket: reads frames, writes what is queued, and never waits for a slow client.
//!
//! The queue holds at most [`MAX_QUEUED`] bytes; past that the client is too slow and the socket is
//! given up. What is ready goes out together, [`TOGETHER`] bytes at a time. What the operating system has
//! not taken as a whole is known, and goes to whoever claims the session.

use crate::metrics;
use crate::net::counted::CountingTransport;
use crate::options::SocketOptions;
use futures_util::{Sink, Stream as _, StreamExt};
use protocol::SessionId;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, FrameHeader, coding::CloseCode};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

/// Bytes that may wait for a client to read them.
pub const MAX_QUEUED_BYTES: usize = 1 << 20;

/// Bytes of what is ready for a client that are handed to the operating system at once.
const WRITE_CHUNK: usize = 4 * 1024;
/// Bytes that are made room for before a client says anything; more when it does.
const READ_BUFFER: usize = 1024;
/// How much larger a message may be than one that is worked on and still get an error as its answer.
const OVERSIZE_FACTOR: usize = 8;
/// How long a client may take to read why its connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

type Stream = WebSocketStream<CountingTransport>;

/// How websockets are set up: small buffers, because most connections are idle.
pub fn websocket_config(manners: &SocketOptions) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_CHUNK)
        .max_write_buffer_size(2 * MAX_QUEUED_BYTES)
        .max_message_size(Some(OVERSIZE_FACTOR * manners.max_request))
        .max_frame_size(Some(OVERSIZE_FACTOR * manners.max_request))
}

/// A text, and which session's client is told it.
type Outgoing = (Option<SessionId>, Utf8Bytes);

/// A websocket with its queue.
pub struct Socket {
    stream: Stream,
    options: SocketOptions,
    queue: VecDeque<Outgoing>,
    queued_bytes: usize,
    /// How much of that a claim brought along; it does not make its client slow.
    replayed_bytes: usize,
    /// What the operating system may not have taken as a whole, each with the count of bytes up to its end.
    buffered: VecDeque<(u64, Outgoing)>,
    /// How many bytes there were to write so far.
    bytes_submitted: u64,
    unflushed: bool,
    /// When the client last said anything.
    last_received: Instant,
    pinged: bool,
}

/// What came of one attempt to write and read.
enum IoEvent {
    Written,
    Read(Option<Result<Message, Error>>),
}

/// The client does not read fast enough.
#[derive(Debug)]
pub struct TooSlow;

/// What a client does.
pub enum Frame {
    /// It says something.
    Text(String),
    /// It has been handed all that was queued.
    Written,
    /// It is gone.
    Closed,
}

impl Socket {
    /// Takes over an opened websocket.
    pub fn new(stream: Stream, options: SocketOptions) -> Self {
        metrics::client_connected();
        let (queue, buffered, last_received) = (VecDeque::new(), VecDeque::new(), Instant::now());
        let (bytes_submitted, queued_bytes, replayed_bytes, unflushed, pinged) =
            (stream.get_ref().bytes_written(), 0, 0, false, false);
        Self {
            stream,
            options,
            queue,
            queued_bytes,
            replayed_bytes,
            buffered,
            bytes_submitted,
            unflushed,
            last_received,
            pinged,
        }
    }

    /// Queues a message; [`frame`](Self::frame) writes it.
    pub fn queue(&mut self, session: Option<SessionId>, text: String) -> Result<(), TooSlow> {
        let text = self.options.json.apply(text);
        self.queued_bytes += text.len();
        self.queue.push_back((session, text.into()));
        if self.queued_bytes > MAX_QUEUED_BYTES + self.replayed_bytes { Err(TooSlow) } else { Ok(()) }
    }

    /// Queues what a session's client missed while it was away. That was bounded then.
    pub fn queue_replayed(&mut self, session: SessionId, text: String) {
        let before = self.queued_bytes;
        let _ = self.queue(Some(session), text);
        self.replayed_bytes += self.queued_bytes - before;
    }

    /// The client's next frame, read no earlier than that; writes the queue meanwhile, and asks a
    /// silent client whether it is there. Safe to cancel.
    pub async fn next_frame(&mut self, not_before: Option<Instant>) -> Frame {
        let mut not_before = not_before;
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                next = poll_fn(|context| self.poll_io(not_before.is_none(), context)) => match next {
                    IoEvent::Written => return Frame::Written,
                    IoEvent::Read(message) => if let Some(frame) = self.on_message(message).await {
                        return frame;
                    },
                },
                () = sleep_until(not_before), if not_before.is_some() => {
                    // Who was not listened to has not been silent.
                    self.last_received = Instant::now();
                    not_before = None;
                }
                () = sleep_until(due), if not_before.is_none() => if !self.ping() {
                    return Frame::Closed;
                },
            }
        }
    }

    /// Reads if it may, and writes if there is nothing to read: nothing is written to a client that is gone.
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

    /// None for what only websockets care about.
    async fn on_message(&mut self, message: Option<Result<Message, Error>>) -> Option<Frame> {
        self.last_received = Instant::now();
        self.pinged = false;
        match message {
            Some(Ok(Message::Text(text))) => Some(Frame::Text(text.as_str().to_owned())),
            Some(Ok(Message::Binary(bytes))) => {
                Some(Frame::Text(String::from_utf8_lossy(&bytes).into_owned()))
            }
            Some(Ok(Message::Ping(bytes))) => {
                // What is given later may count as not taken for a while though it was: better told twice.
                self.note_submitted(bytes.len());
                None
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => None,
            Some(Err(error)) => Some(self.close_with_protocol_error(&error).await),
            Some(Ok(Message::Close(_))) | None => Some(Frame::Closed),
        }
    }

    /// When a silent client is to be asked whether it is there, or to be given up.
    fn due(&self) -> Option<Instant> {
        let interval = self.options.ping_interval?;
        let timeout = if self.pinged { self.options.ping_timeout } else { Duration::ZERO };
        Some(self.last_received + interval + timeout)
    }

    /// False for one that was asked and did not answer.
    fn ping(&mut self) -> bool {
        let asked = std::mem::replace(&mut self.pinged, true);
        let ping = Pin::new(&mut self.stream).start_send(Message::Ping(Bytes::new()));
        self.note_submitted(0);
        !asked && ping.is_ok()
    }

    /// Tells a client that broke the rules of websockets which one.
    async fn close_with_protocol_error(&mut self, error: &Error) -> Frame {
        let (code, reason) = match error {
            Error::Capacity(_) => (CloseCode::Size, "the message is too large"),
            Error::Utf8(_) => (CloseCode::Invalid, "the text is no UTF-8"),
            Error::Protocol(_) => (CloseCode::Protocol, "these are no websocket frames"),
            _ => return Frame::Closed,
        };
        let close = CloseFrame { code, reason: reason.into() };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.stream.close(Some(close))).await;
        Frame::Closed
    }

    /// Hands over the queue as far as the operating system takes it.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if self.is_flushed() {
                return Poll::Ready(Ok(()));
            }
            let mut stream = Pin::new(&mut self.stream);
            match self.queue.is_empty() {
                true => {
                    std::task::ready!(stream.poll_flush(context))?;
                    self.unflushed = false;
                    self.buffered.clear();
                    self.bytes_submitted = self.stream.get_ref().bytes_written();
                }
                false => {
                    std::task::ready!(stream.as_mut().poll_ready(context))?;
                    let Some((session, text)) = self.queue.pop_front() else { continue };
                    self.queued_bytes -= text.len();
                    self.replayed_bytes = self.replayed_bytes.saturating_sub(text.len());
                    stream.start_send(Message::Text(text.clone()))?;
                    self.note_submitted(text.len());
                    self.buffered.push_back((self.bytes_submitted, (session, text)));
                }
            }
        }
    }

    /// A frame with so many bytes is to be written.
    fn note_submitted(&mut self, length: usize) {
        self.bytes_submitted += (FrameHeader::default().len(length as u64) + length) as u64;
        self.unflushed = true;
    }

    /// What was queued and has not gone out as a whole.
    fn unsent(&self) -> impl Iterator<Item = &Outgoing> {
        let taken = self.stream.get_ref().bytes_written();
        let in_hand = self.buffered.iter().filter(move |(end, _)| *end > taken).map(|(_, told)| told);
        in_hand.chain(&self.queue)
    }

    /// Whether the operating system has all that was queued.
    pub fn is_flushed(&self) -> bool {
        self.queue.is_empty() && !self.unflushed
    }

    /// Writes what is queued and says goodbye. Waits for the answer: a connection that is closed with
    /// something unread is reset, and what was written may be lost on the way.
    pub async fn close(&mut self, code: CloseCode, reason: &'static str) {
        let goodbye = CloseFrame { code, reason: reason.into() };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, async {
            let _ = poll_fn(|context| self.poll_write(context)).await;
            let _ = self.stream.close(Some(goodbye)).await;
            while let Some(Ok(_)) = self.stream.next().await {}
        })
        .await;
    }

    /// What was queued for a session and has not gone out as a whole.
    pub fn unsent_for(&self, session: SessionId) -> Vec<Arc<str>> {
        let own = self.unsent().filter(|(of, _)| *of == Some(session));
        own.map(|(_, text)| text.as_str().into()).collect()
    }

    /// The same, and what has not begun to go out does not.
    pub fn take_unsent(&mut self, session: SessionId) -> Vec<Arc<str>> {
        let own = self.unsent_for(session);
        self.queue.retain(|(of, _)| *of != Some(session));
        self.queued_bytes = self.queue.iter().map(|(_, text)| text.len()).sum();
        self.replayed_bytes = self.replayed_bytes.min(self.queued_bytes);
        own
    }

    /// What was queued for sessions and never went out as a whole.
    pub fn unsent_by_session(&self) -> impl Iterator<Item = (SessionId, String)> {
        self.unsent().filter_map(|(session, text)| session.map(|session| (session, text.as_str().to_owned())))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        metrics::client_disconnected();
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
