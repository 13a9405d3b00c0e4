//! Where a connection's clients hear from it: a socket, or, once that is gone, a list for each
//! session that is kept until somebody claims it.

use crate::socket::{Frame, MAX_QUEUED, Socket, TooSlow};
use protocol::SessionId;
use std::collections::HashMap;

/// Bytes kept for a session whose client is away: what a slow client's socket had queued, and as
/// much again.
const MAX_UNHEARD: usize = 2 * MAX_QUEUED;

/// The client's end.
pub enum Outlet {
    /// There.
    Open(Box<Socket>),
    /// Gone; what its sessions have not heard, with its size in bytes.
    Away(HashMap<SessionId, (usize, Vec<String>)>),
}

/// More is waiting for this session than is kept.
#[derive(Debug)]
pub struct Forgotten(pub SessionId);

impl Outlet {
    /// The client's next frame; waits for ever once it is gone. Safe to cancel.
    pub async fn frame(&mut self) -> Frame {
        match self {
            Self::Open(socket) => socket.frame().await,
            Self::Away(_) => std::future::pending().await,
        }
    }

    /// Whether the client is gone.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
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
            Self::Away(unheard) => {
                let (bytes, texts) = unheard.entry(session).or_default();
                *bytes += text.len();
                texts.push(text);
                if *bytes > MAX_UNHEARD { Err(Forgotten(session)) } else { Ok(Ok(())) }
            }
        }
    }

    /// The socket is gone: what it had not written is kept.
    pub fn go_away(&mut self) {
        let open = std::mem::replace(self, Self::Away(HashMap::new()));
        if let Self::Open(socket) = open {
            for (session, text) in socket.unheard() {
                let _ = self.tell(session, text);
            }
        }
    }

    /// What a session has not heard.
    pub fn unheard(&mut self, session: SessionId) -> Vec<String> {
        match self {
            Self::Open(_) => Vec::new(),
            Self::Away(unheard) => unheard.remove(&session).map(|(_, texts)| texts).unwrap_or_default(),
        }
    }
}
