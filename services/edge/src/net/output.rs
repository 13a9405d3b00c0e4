//! Where messages for a client go: to its socket, or, while it has none, to a backlog for each session.

use super::closing::{CloseReason, Lingering};
use super::input_limits::InputLimits;
use super::socket::{Frame, Socket, TooSlow};
use super::websocket::MAX_QUEUED_BYTES;
use crate::client_memory::{ClientMemory, MemoryShare};
use crate::metrics;
use protocol::SessionId;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// The most bytes kept for a session without a socket: what the socket of a slow client may queue, and as much again.
const MAX_BACKLOG_BYTES: usize = 2 * MAX_QUEUED_BYTES;

/// The output of a connection.
pub enum ClientOutput {
    Connected(Box<Socket>),
    Disconnected(Backlogs),
}

/// The backlogs of a connection's sessions.
pub struct Backlogs {
    sessions: BTreeMap<SessionId, Backlog>,
    bytes: usize,
    memory: MemoryShare,
}

impl Backlogs {
    fn new(memory: &Arc<ClientMemory>) -> Self {
        Self { sessions: BTreeMap::new(), bytes: 0, memory: memory.share() }
    }

    fn add(&mut self, session: SessionId, text: String) -> Result<(), NotSent> {
        let backlog = self.sessions.entry(session).or_default();
        backlog.bytes += text.len();
        self.bytes += text.len();
        metrics::backlog_added(text.len());
        backlog.messages.push(text.into());
        let may_hold = backlog.bytes <= MAX_BACKLOG_BYTES && self.memory.may_hold(self.bytes);
        self.memory.set(self.bytes);
        if may_hold { Ok(()) } else { Err(NotSent::BacklogFull) }
    }

    fn take(&mut self, session: SessionId) -> Vec<Arc<str>> {
        let Some(backlog) = self.sessions.remove(&session) else { return Vec::new() };
        self.bytes -= backlog.bytes;
        self.memory.set(self.bytes);
        backlog.messages
    }
}

/// The messages that a session's client has not received.
#[derive(Default)]
pub struct Backlog {
    messages: Vec<Arc<str>>,
    bytes: usize,
    /// How many of the messages the session writer has.
    already_submitted: usize,
}

/// Why a message was not accepted.
#[derive(Debug)]
pub enum NotSent {
    /// The client does not read fast enough.
    TooSlow,
    /// The backlog of the session exceeds [`MAX_BACKLOG_BYTES`], or the connection has no more [memory](ClientMemory).
    BacklogFull,
}

impl From<TooSlow> for NotSent {
    fn from(_: TooSlow) -> Self {
        Self::TooSlow
    }
}

impl ClientOutput {
    /// The output of a client without a socket.
    pub fn disconnected(memory: &Arc<ClientMemory>) -> Self {
        Self::Disconnected(Backlogs::new(memory))
    }

    /// Waits for the client's next frame, read no earlier than `not_before`. Without a socket it waits forever.
    /// Safe to cancel.
    pub async fn next_frame(&mut self, not_before: Option<Instant>) -> Frame {
        match self {
            Self::Connected(socket) => socket.next_frame(not_before).await,
            Self::Disconnected(_) => std::future::pending().await,
        }
    }

    /// Sets what the client may send from now on.
    pub fn set_limits(&mut self, limits: InputLimits) {
        if let Self::Connected(socket) = self
            && socket.limits() != limits
        {
            socket.set_limits(limits);
        }
    }

    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }

    /// Whether there is a socket that is being closed.
    pub fn is_closing(&self) -> bool {
        matches!(self, Self::Connected(socket) if socket.is_closing())
    }

    /// Whether no message waits to be written to the socket.
    pub fn is_flushed(&self) -> bool {
        match self {
            Self::Connected(socket) => socket.is_flushed(),
            Self::Disconnected(_) => true,
        }
    }

    /// Sends a message that belongs to no session; it is dropped without a socket.
    pub fn reply(&mut self, text: String) -> Result<(), TooSlow> {
        match self {
            Self::Connected(socket) => socket.queue(None, text),
            Self::Disconnected(_) => Ok(()),
        }
    }

    /// Sends a message to a session's client, or keeps it until the client is back.
    pub fn send(&mut self, session: SessionId, text: String) -> Result<(), NotSent> {
        match self {
            Self::Connected(socket) => Ok(socket.queue(Some(session), text)?),
            Self::Disconnected(backlogs) => backlogs.add(session, text),
        }
    }

    /// Sends a message that a session's client missed while it was disconnected.
    pub fn replay(&mut self, session: SessionId, text: String) -> Result<(), NotSent> {
        match self {
            Self::Connected(socket) => {
                socket.queue_replayed(session, text);
                Ok(())
            }
            Self::Disconnected(_) => self.send(session, text),
        }
    }

    /// Drops the socket and keeps what it has not written. Returns the connection, to be closed.
    pub fn drop_socket(&mut self) -> Option<Lingering> {
        let Self::Connected(connected) = &*self else { return None };
        let disconnected = Self::disconnected(connected.memory());
        let output = std::mem::replace(self, disconnected);
        let Self::Connected(socket) = output else { return None };
        for (session, text) in socket.unsent_by_session() {
            // The queue of a socket fits in a backlog.
            let _ = self.send(session, text);
        }
        Some(socket.into_lingering())
    }

    /// Returns the messages that a session's client has not received, and how many of them were returned before.
    pub fn backlog_to_persist(&mut self, session: SessionId) -> (Vec<Arc<str>>, usize) {
        match self {
            Self::Connected(socket) => (socket.unsent_for(session), 0),
            Self::Disconnected(backlogs) => {
                let Some(backlog) = backlogs.sessions.get_mut(&session) else { return (Vec::new(), 0) };
                let submitted = std::mem::replace(&mut backlog.already_submitted, backlog.messages.len());
                (backlog.messages.clone(), submitted)
            }
        }
    }

    /// The directory may have lost the backlog of a session.
    pub fn mark_unpersisted(&mut self, session: SessionId) {
        if let Self::Disconnected(backlogs) = self
            && let Some(backlog) = backlogs.sessions.get_mut(&session)
        {
            backlog.already_submitted = 0;
        }
    }

    /// Removes and returns the messages that a session's client has not received.
    pub fn take_backlog(&mut self, session: SessionId) -> Vec<Arc<str>> {
        match self {
            Self::Connected(socket) => socket.take_unsent(session),
            Self::Disconnected(backlogs) => backlogs.take(session),
        }
    }

    /// Begins to close the websocket; [`next_frame`](Self::next_frame) returns [`Frame::Closed`] in the end.
    pub fn close(&mut self, reason: CloseReason) {
        if let Self::Connected(socket) = self {
            socket.close(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SessionId = SessionId(1);
    const TWO: SessionId = SessionId(2);

    #[test]
    fn backlogs_of_a_connection_share_its_memory() {
        let memory = ClientMemory::new(128 << 20);
        let mut output = ClientOutput::disconnected(&memory);
        let text = "x".repeat(1 << 20);
        assert!(output.send(ONE, text.clone()).is_ok() && output.send(ONE, text.clone()).is_ok());
        assert!(
            matches!(output.send(ONE, text.clone()), Err(NotSent::BacklogFull)),
            "the bound of a session"
        );
        assert_eq!(memory.held(), 3 << 20);
        assert!(matches!(output.send(TWO, text.clone()), Err(NotSent::BacklogFull)), "that of all sessions");
        assert_eq!(output.take_backlog(ONE).len(), 3);
        assert_eq!(memory.held(), 1 << 20);
        assert!(output.send(TWO, text).is_ok());
        drop(output);
        assert_eq!(memory.held(), 0);
    }
}
