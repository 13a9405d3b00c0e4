//! A client's websocket. It reads frames, writes what is queued, and never waits for a slow client.
//!
//! The queue holds at most [`MAX_QUEUED_BYTES`]; a client with more is too slow, and its socket is closed. What is
//! ready is written together, [`WRITE_CHUNK`](super::websocket::WRITE_CHUNK) bytes at a time. Messages that the operating system has not taken as a
//! whole go to the connection that claims the session.
//!
//! However the websocket ends, [`Socket::next_frame`] exchanges the close frames ([`closing`](super::closing)).

mod pings;
mod read_buffer;
#[cfg(test)]
mod tests;
mod unsent;

use super::closing::{CLOSE_TIMEOUT, CloseReason, Closing, Lingering, Outgoing};
use super::counting_transport::CountingTransport;
use super::frame_meter::FrameMeter;
use super::input_limits::InputLimits;
use super::websocket::{MAX_QUEUED_BYTES, OVERSIZE_FACTOR, WebsocketStream, open_stream};
use crate::client_memory::{ClientMemory, MemoryShare};
use crate::metrics;
use crate::options::SocketOptions;
use common::time::sleep_until;
use common::transport::Transport;
use futures_util::{Sink, Stream as _};
use protocol::SessionId;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::{Error, Message};

/// A websocket with its queue.
pub struct Socket {
    stream: WebsocketStream,
    options: SocketOptions,
    limits: InputLimits,
    /// Since when the message is incomplete that the client has begun.
    incomplete_since: Option<Instant>,
    /// Until when the edge did not read, because the client had exceeded its rate.
    delayed_until: Option<Instant>,
    queue: VecDeque<Outgoing>,
    queued_bytes: usize,
    /// What is queued.
    memory: MemoryShare,
    /// How many of the queued bytes are replayed after a claim. They do not count against the client.
    replayed_bytes: usize,
    /// Messages in the websocket's write buffer, each with the value of `bytes_submitted` at its end.
    buffered: VecDeque<(u64, Outgoing)>,
    /// All bytes given to the websocket so far, including frame headers.
    bytes_submitted: u64,
    is_unflushed: bool,
    /// Bytes of pongs since all was written.
    unread_pongs: u64,
    last_received: Instant,
    /// A ping is not answered yet.
    is_pinged: bool,
    closing: Option<Box<Closing>>,
    _connected: ConnectedClient,
}

/// Counts among the connected clients.
struct ConnectedClient;

impl Drop for ConnectedClient {
    fn drop(&mut self) {
        metrics::client_disconnected();
    }
}

/// The result of one attempt to read and write.
enum IoEvent {
    Written,
    Read(Option<Result<Message, Error>>),
    /// The client has sent a part of a message, or other frames.
    Frames,
    /// Both sides have closed, or the connection is broken.
    Closed,
}

/// The client does not read fast enough.
#[derive(Debug)]
pub struct TooSlow;

/// What [`Socket::next_frame`] returns.
pub enum Frame {
    Text(String),
    /// So many frames besides those that end a message.
    Others(usize),
    /// All that was queued is written, or the time to read has come.
    Written,
    Closed,
}

impl Socket {
    /// A websocket on a transport after the handshake. `early` is what the client has sent behind it.
    pub async fn open(
        transport: Box<dyn Transport>,
        early: Vec<u8>,
        options: SocketOptions,
        memory: &Arc<ClientMemory>,
    ) -> Self {
        metrics::client_connected();
        let limits = InputLimits::before_session(&options);
        let meter = FrameMeter::new(OVERSIZE_FACTOR * limits.max_request, memory.share());
        let transport = CountingTransport::new(transport, early, meter);
        Self {
            bytes_submitted: 0,
            stream: open_stream(transport, &options).await,
            options,
            limits,
            incomplete_since: None,
            delayed_until: None,
            queue: VecDeque::new(),
            queued_bytes: 0,
            memory: memory.share(),
            replayed_bytes: 0,
            buffered: VecDeque::new(),
            is_unflushed: false,
            unread_pongs: 0,
            last_received: Instant::now(),
            is_pinged: false,
            closing: None,
            _connected: ConnectedClient,
        }
    }

    pub fn limits(&self) -> InputLimits {
        self.limits
    }

    pub fn set_limits(&mut self, limits: InputLimits) {
        self.limits = limits;
        self.stream.get_mut().meter.set_max_message(OVERSIZE_FACTOR * limits.max_request);
    }

    /// Queues a message; [`next_frame`](Self::next_frame) writes it, unless the socket is being closed.
    ///
    /// # Errors
    /// With more than [`MAX_QUEUED_BYTES`] in the queue, or twice that in a socket that is being closed, or less if all
    /// clients hold much memory.
    pub fn queue(&mut self, session: Option<SessionId>, text: String) -> Result<(), TooSlow> {
        let text = self.options.json.apply(text);
        self.queued_bytes += text.len();
        let (queue, room) = match &mut self.closing {
            None => (&mut self.queue, MAX_QUEUED_BYTES),
            Some(closing) => (&mut closing.unwritten, 2 * MAX_QUEUED_BYTES),
        };
        queue.push_back((session, text.into()));
        let is_allowed = self.queued_bytes <= room + self.replayed_bytes;
        let may_hold = self.memory.may_hold(self.queued_bytes);
        self.memory.set(self.queued_bytes);
        if is_allowed && may_hold { Ok(()) } else { Err(TooSlow) }
    }

    pub fn memory(&self) -> &Arc<ClientMemory> {
        self.memory.memory()
    }

    /// Queues a message that a session's client missed. The bound of the backlog applies, not that of the queue.
    pub fn queue_replayed(&mut self, session: SessionId, text: String) {
        let before = self.queued_bytes;
        let _ = self.queue(Some(session), text);
        self.replayed_bytes += self.queued_bytes - before;
    }

    /// Waits for the client's next frame, or until `not_before` without reading. While it waits, it writes the queue,
    /// pings a silent client, and closes. Safe to cancel.
    pub async fn next_frame(&mut self, not_before: Option<Instant>) -> Frame {
        self.delayed_until = self.delayed_until.max(not_before);
        loop {
            let uncounted = self.stream.get_mut().meter.take_uncounted();
            if uncounted > 0 {
                return Frame::Others(uncounted);
            }
            if self.has_spare_buffer() {
                self.release_read_buffer().await;
            }
            let (ping_at, close_by) = (self.ping_deadline(), self.closing.as_ref().map(|it| it.deadline));
            self.incomplete_since = self.stream.get_ref().meter.incomplete_since();
            let message_deadline = self.message_deadline();
            tokio::select! {
                biased;
                event = poll_fn(|context| self.poll_io(not_before.is_none(), context)) => match event {
                    IoEvent::Written => return Frame::Written,
                    IoEvent::Closed => return Frame::Closed,
                    IoEvent::Read(message) => if let Some(frame) = self.on_message(message) {
                        return frame;
                    },
                    IoEvent::Frames => {}
                },
                () = sleep_until(close_by) => return Frame::Closed,
                () = sleep_until(not_before), if not_before.is_some() => {
                    // The client may have sent something while the edge did not read.
                    self.last_received = Instant::now();
                    return Frame::Written;
                }
                () = sleep_until(message_deadline), if not_before.is_none() => self.close(CloseReason::Incomplete),
                () = sleep_until(ping_at), if not_before.is_none() => self.ping(),
            }
        }
    }

    /// Reads if it may, and writes if there is nothing to read: no message is written to a client that has closed.
    fn poll_io(&mut self, may_read: bool, context: &mut Context<'_>) -> Poll<IoEvent> {
        let is_read = self.closing.as_ref().is_some_and(|closing| closing.is_read);
        if may_read && !is_read {
            if let Poll::Ready(message) = Pin::new(&mut self.stream).poll_next(context) {
                return Poll::Ready(IoEvent::Read(message));
            }
            let meter = &self.stream.get_ref().meter;
            if meter.uncounted() > 0 || meter.incomplete_since() != self.incomplete_since {
                return Poll::Ready(IoEvent::Frames);
            }
        }
        let is_writing = self.has_output();
        match self.poll_write(context) {
            Poll::Ready(Err(_)) => Poll::Ready(IoEvent::Closed),
            Poll::Ready(Ok(())) if is_read => Poll::Ready(IoEvent::Closed),
            Poll::Ready(Ok(())) if is_writing => Poll::Ready(IoEvent::Written),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    /// Handles a message from the websocket; returns none if the connection has nothing to do.
    fn on_message(&mut self, message: Option<Result<Message, Error>>) -> Option<Frame> {
        self.last_received = Instant::now();
        self.is_pinged = false;
        if matches!(message, Some(Ok(_))) {
            self.stream.get_mut().meter.returned();
        }
        match message {
            Some(Ok(Message::Text(text))) => Some(Frame::Text(text.as_str().to_owned())),
            Some(Ok(Message::Binary(bytes))) => {
                Some(Frame::Text(String::from_utf8_lossy(&bytes).into_owned()))
            }
            Some(Ok(Message::Ping(bytes))) => {
                // The pong. The websocket may write it behind later messages, which then count as unsent for a
                // while: they could be delivered twice, but not lost.
                self.note_pong(bytes.len());
                None
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => None,
            Some(Ok(Message::Close(_))) => {
                self.on_close_frame();
                None
            }
            Some(Err(error)) => match CloseReason::of_error(&error) {
                Some(reason) => {
                    self.close(reason);
                    None
                }
                None => Some(Frame::Closed),
            },
            None => Some(Frame::Closed),
        }
    }

    /// When the client must have completed the message that it has begun.
    fn message_deadline(&self) -> Option<Instant> {
        let since = self.incomplete_since.filter(|_| self.closing.is_none())?;
        Some(self.limits.message_deadline(since, self.delayed_until))
    }

    /// The client has sent its close frame, and ignores all that comes before the answer: that counts as unsent.
    fn on_close_frame(&mut self) {
        let unwritten = self.unsent().cloned().collect();
        let closing = self.closing.get_or_insert_with(|| Box::new(Closing::by_client()));
        (closing.frame, closing.unwritten, closing.is_read) = (None, unwritten, true);
        self.queue.clear();
        self.buffered.clear();
        // The websocket has an answer to write.
        self.is_unflushed = true;
    }

    /// Begins to close; [`next_frame`](Self::next_frame) returns [`Frame::Closed`] in the end.
    pub fn close(&mut self, reason: CloseReason) {
        if let Some(closing) = &mut self.closing {
            // After another failure there is no reply.
            closing.is_read |= reason.is_failure();
            return;
        }
        metrics::client_closed(reason);
        let mut closing = Closing::by_edge(reason);
        if !reason.writes_queue() {
            closing.unwritten = std::mem::take(&mut self.queue);
        }
        self.closing = Some(Box::new(closing));
    }

    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Returns the connection, to be closed, and drops the websocket.
    pub fn into_lingering(self) -> Lingering {
        let deadline =
            self.closing.map_or_else(|| Instant::now() + CLOSE_TIMEOUT, |closing| closing.deadline);
        Lingering { transport: self.stream.into_inner().into_inner(), deadline }
    }

    /// Writes the queue as far as the operating system takes it.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.has_output() {
            let mut stream = Pin::new(&mut self.stream);
            if self.queue.is_empty() {
                if let Some(frame) = self.closing.as_mut().and_then(|closing| closing.frame.take()) {
                    // A control frame needs no room in the websocket's buffer.
                    stream.as_mut().start_send(Message::Close(Some(frame)))?;
                    self.is_unflushed = true;
                }
                ready!(stream.poll_flush(context))?;
                self.is_unflushed = false;
                self.buffered.clear();
                self.bytes_submitted = self.stream.get_ref().bytes_written();
            } else {
                ready!(stream.as_mut().poll_ready(context))?;
                let Some((session, text)) = self.queue.pop_front() else { continue };
                self.queued_bytes -= text.len();
                self.memory.set(self.queued_bytes);
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

    /// Whether the operating system has taken all messages.
    pub fn is_flushed(&self) -> bool {
        let is_kept = self.closing.as_ref().is_some_and(|closing| !closing.unwritten.is_empty());
        !self.has_output() && !is_kept
    }

    /// Whether there is something to write.
    fn has_output(&self) -> bool {
        let is_closing = self.closing.as_ref().is_some_and(|closing| closing.frame.is_some());
        !self.queue.is_empty() || self.is_unflushed || is_closing
    }
}
