//! Where a connection's clients hear from it: a socket, or, once that is gone, a list for each
//! session that is kept until somebody claims it.

use crate::metrics;
use crate::net::socket::{Frame, MAX_QUEUED_BYTES, Socket, TooSlow};
use protocol::SessionId;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Bytes kept for a session whose client is away: what a slow client's socket had queued, and as
/// much again.
const MAX_BACKLOG_BYTES: usize = 2 * MAX_QUEUED_BYTES;

/// The client's end.
pub enum ClientOutput {
    /// There.
    Connected(Box<Socket>),
    /// Gone; what its sessions have not heard.
    Disconnected(BTreeMap<SessionId, Backlog>),
}

/// What a session has not heard.
#[derive(Default)]
pub struct Backlog {
    messages: Vec<Arc<str>>,
    bytes: usize,
    /// How many the scribe has.
    already_submitted: usize,
}

/// More is waiting for this session than is kept.
#[derive(Debug)]
pub struct BacklogFull(pub SessionId);

impl ClientOutput {
    /// The client's next frame, read no earlier than that; waits for ever once it is gone. Safe to
    /// cancel.
    pub async fn next_frame(&mut self, not_before: Option<Instant>) -> Frame {
        match self {
            Self::Connected(socket) => socket.next_frame(not_before).await,
            Self::Disconnected(_) => std::future::pending().await,
        }
    }

    /// Whether the client is gone.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }

    /// Whether nothing waits to be written.
    pub fn is_flushed(&self) -> bool {
        match self {
            Self::Connected(socket) => socket.is_flushed(),
            Self::Disconnected(_) => true,
        }
    }

    /// Answers a client that is there about no session.
    pub fn reply(&mut self, text: String) -> Result<(), TooSlow> {
        match self {
            Self::Connected(socket) => socket.queue(None, text),
            Self::Disconnected(_) => Ok(()),
        }
    }

    /// Tells a session's client, now or when it is back.
    pub fn send(&mut self, session: SessionId, text: String) -> Result<Result<(), TooSlow>, BacklogFull> {
        match self {
            Self::Connected(socket) => Ok(socket.queue(Some(session), text)),
            Self::Disconnected(sessions) => {
                let kept = sessions.entry(session).or_default();
                kept.bytes += text.len();
                metrics::backlog_added(text.len());
                kept.messages.push(text.into());
                if kept.bytes > MAX_BACKLOG_BYTES { Err(BacklogFull(session)) } else { Ok(Ok(())) }
            }
        }
    }

    /// Tells a session's client what it missed while it was away.
    pub fn replay(&mut self, session: SessionId, text: String) -> Result<Result<(), TooSlow>, BacklogFull> {
        match self {
            Self::Connected(socket) => {
                socket.queue_replayed(session, text);
                Ok(Ok(()))
            }
            Self::Disconnected(_) => self.send(session, text),
        }
    }

    /// The socket is gone: what it had not written is kept.
    pub fn drop_socket(&mut self) {
        if self.is_disconnected() {
            return;
        }
        let open = std::mem::replace(self, Self::Disconnected(BTreeMap::new()));
        if let Self::Connected(socket) = open {
            for (session, text) in socket.unsent_by_session() {
                let _ = self.send(session, text);
            }
        }
    }

    /// What a session has not heard, to be written down, and how much of it was before.
    pub fn backlog_to_persist(&mut self, session: SessionId) -> (Vec<Arc<str>>, usize) {
        match self {
            Self::Connected(socket) => (socket.unsent_for(session), 0),
            Self::Disconnected(sessions) => {
                let Some(kept) = sessions.get_mut(&session) else { return (Vec::new(), 0) };
                let known = std::mem::replace(&mut kept.already_submitted, kept.messages.len());
                (kept.messages.clone(), known)
            }
        }
    }

    /// Nothing of a session is sure to be written down.
    pub fn mark_unpersisted(&mut self, session: SessionId) {
        if let Self::Disconnected(sessions) = self
            && let Some(kept) = sessions.get_mut(&session)
        {
            kept.already_submitted = 0;
        }
    }

    /// The session is not here any more: what it has not heard.
    pub fn take_backlog(&mut self, session: SessionId) -> Vec<Arc<str>> {
        match self {
            Self::Connected(socket) => socket.take_unsent(session),
            Self::Disconnected(sessions) => {
                sessions.remove(&session).map(|kept| kept.messages).unwrap_or_default()
            }
        }
    }

    /// Tells a client that is there what it is still to hear, and says goodbye.
    pub async fn close(&mut self, code: CloseCode, reason: &'static str) {
        if let Self::Connected(socket) = self {
            socket.close(code, reason).await;
        }
    }
}
