//! Where messages for a client go: to its socket, or, while it has none, to a backlog for each session.

use super::closing::{CloseReason, Lingering};
use super::input_limits::InputLimits;
use super::socket::{Frame, MAX_QUEUED_BYTES, Socket, TooSlow};
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
    Disconnected(BTreeMap<SessionId, Backlog>),
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
    /// The backlog of the session exceeds [`MAX_BACKLOG_BYTES`].
    BacklogFull,
}

impl From<TooSlow> for NotSent {
    fn from(_: TooSlow) -> Self {
        Self::TooSlow
    }
}

impl ClientOutput {
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
            Self::Disconnected(sessions) => {
                let backlog = sessions.entry(session).or_default();
                backlog.bytes += text.len();
                metrics::backlog_added(text.len());
                backlog.messages.push(text.into());
                if backlog.bytes > MAX_BACKLOG_BYTES { Err(NotSent::BacklogFull) } else { Ok(()) }
            }
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
        if self.is_disconnected() {
            return None;
        }
        let output = std::mem::replace(self, Self::Disconnected(BTreeMap::new()));
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
            Self::Disconnected(sessions) => {
                let Some(backlog) = sessions.get_mut(&session) else { return (Vec::new(), 0) };
                let submitted = std::mem::replace(&mut backlog.already_submitted, backlog.messages.len());
                (backlog.messages.clone(), submitted)
            }
        }
    }

    /// The directory may have lost the backlog of a session.
    pub fn mark_unpersisted(&mut self, session: SessionId) {
        if let Self::Disconnected(sessions) = self
            && let Some(backlog) = sessions.get_mut(&session)
        {
            backlog.already_submitted = 0;
        }
    }

    /// Removes and returns the messages that a session's client has not received.
    pub fn take_backlog(&mut self, session: SessionId) -> Vec<Arc<str>> {
        match self {
            Self::Connected(socket) => socket.take_unsent(session),
            Self::Disconnected(sessions) => {
                sessions.remove(&session).map(|backlog| backlog.messages).unwrap_or_default()
            }
        }
    }

    /// Begins to close the websocket; [`next_frame`](Self::next_frame) returns [`Frame::Closed`] in the end.
    pub fn close(&mut self, reason: CloseReason) {
        if let Self::Connected(socket) = self {
            socket.close(reason);
        }
    }
}
