//! Where a connection's clients hear from it: a socket, or, once that is gone, a list for each
//! session that is kept until somebody claims it.

use crate::numbers;
use crate::socket::{Frame, MAX_QUEUED, Socket, TooSlow};
use protocol::SessionId;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Bytes kept for a session whose client is away: what a slow client's socket had queued, and as
/// much again.
const MAX_UNHEARD: usize = 2 * MAX_QUEUED;

/// The client's end.
pub enum Outlet {
    /// There.
    Open(Box<Socket>),
    /// Gone; what its sessions have not heard.
    Away(BTreeMap<SessionId, Kept>),
}

/// What a session has not heard.
#[derive(Default)]
pub struct Kept {
    texts: Vec<Arc<str>>,
    bytes: usize,
    /// How many the scribe has.
    known: usize,
}

/// More is waiting for this session than is kept.
#[derive(Debug)]
pub struct Forgotten(pub SessionId);

impl Outlet {
    /// The client's next frame, read no earlier than that; waits for ever once it is gone. Safe to
    /// cancel.
    pub async fn frame(&mut self, not_before: Option<Instant>) -> Frame {
        match self {
            Self::Open(socket) => socket.frame(not_before).await,
            Self::Away(_) => std::future::pending().await,
        }
    }

    /// Whether the client is gone.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    /// Whether nothing waits to be written.
    pub fn all_is_told(&self) -> bool {
        match self {
            Self::Open(socket) => socket.is_written(),
            Self::Away(_) => true,
        }
    }

    /// Answers a client that is there about no session.
    pub fn reply(&mut self, text: String) -> Result<(), TooSlow> {
        match self {
            Self::Open(socket) => socket.queue(None, text),
            Self::Away(_) => Ok(()),
        }
    }

    /// Tells a session's client, now or when it is back.
    pub fn tell(&mut self, session: SessionId, text: String) -> Result<Result<(), TooSlow>, Forgotten> {
        match self {
            Self::Open(socket) => Ok(socket.queue(Some(session), text)),
            Self::Away(sessions) => {
                let kept = sessions.entry(session).or_default();
                kept.bytes += text.len();
                numbers::unheard(text.len());
                kept.texts.push(text.into());
                if kept.bytes > MAX_UNHEARD { Err(Forgotten(session)) } else { Ok(Ok(())) }
            }
        }
    }

    /// Tells a session's client what it missed while it was away.
    pub fn remind(&mut self, session: SessionId, text: String) -> Result<Result<(), TooSlow>, Forgotten> {
        match self {
            Self::Open(socket) => {
                socket.queue_missed(session, text);
                Ok(Ok(()))
            }
            Self::Away(_) => self.tell(session, text),
        }
    }

    /// The socket is gone: what it had not written is kept.
    pub fn go_away(&mut self) {
        if self.is_away() {
            return;
        }
        let open = std::mem::replace(self, Self::Away(BTreeMap::new()));
        if let Self::Open(socket) = open {
            for (session, text) in socket.unheard() {
                let _ = self.tell(session, text);
            }
        }
    }

    /// What a session has not heard, to be written down, and how much of it was before.
    pub fn to_write_down(&mut self, session: SessionId) -> (Vec<Arc<str>>, usize) {
        match self {
            Self::Open(socket) => (socket.queued_for(session), 0),
            Self::Away(sessions) => {
                let Some(kept) = sessions.get_mut(&session) else { return (Vec::new(), 0) };
                let known = std::mem::replace(&mut kept.known, kept.texts.len());
                (kept.texts.clone(), known)
            }
        }
    }

    /// Nothing of a session is sure to be written down.
    pub fn write_down_again(&mut self, session: SessionId) {
        if let Self::Away(sessions) = self
            && let Some(kept) = sessions.get_mut(&session)
        {
            kept.known = 0;
        }
    }

    /// The session is not here any more: what it has not heard.
    pub fn take_unheard(&mut self, session: SessionId) -> Vec<Arc<str>> {
        match self {
            Self::Open(socket) => socket.take_back(session),
            Self::Away(sessions) => sessions.remove(&session).map(|kept| kept.texts).unwrap_or_default(),
        }
    }

    /// Tells a client that is there what it is still to hear, and says goodbye.
    pub async fn close(&mut self, code: CloseCode, reason: &'static str) {
        if let Self::Open(socket) = self {
            socket.close(code, reason).await;
        }
    }
}
