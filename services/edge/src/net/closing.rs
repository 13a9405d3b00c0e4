//! How a client's websocket ends (RFC 6455, chapter 7): a close frame in each direction, then the end of TCP.
//!
//! Both sides send a close frame. Then the edge ends its side of TCP first, with `close_notify` before it if there is
//! TLS, and discards what the client sends until the client ends its side too. A connection that is closed with unread
//! input is reset, and the client may lose the close frame. All of it takes at most [`CLOSE_TIMEOUT`].

use super::frame_meter::FrameFault;
use common::transport::Transport;
use protocol::SessionId;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};

/// How long a client may take to read why its websocket is closed, to answer, and to close TCP.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of one read of what is discarded.
const DISCARD_BUFFER: usize = 1024;

/// Why the edge closes a websocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The edge stops, and no other edge can take over.
    ServerStops,
    /// The edge stops, and the client can claim its sessions at another one.
    EdgeStops,
    /// The client does not read fast enough.
    TooSlow,
    /// The client did not answer a ping.
    NoPong,
    /// The client opened no session in time.
    NoSession,
    /// The client began a message and did not complete it in time.
    Incomplete,
    InvalidFrame,
    NotUtf8,
    TooLarge,
    /// The clients of the edge hold too much memory for the message.
    NoMemory,
}

impl From<FrameFault> for CloseReason {
    fn from(fault: FrameFault) -> Self {
        match fault {
            FrameFault::TooLarge => Self::TooLarge,
            FrameFault::NoMemory => Self::NoMemory,
            FrameFault::Invalid => Self::InvalidFrame,
        }
    }
}

impl CloseReason {
    pub const ALL: [Self; 10] = [
        Self::ServerStops,
        Self::EdgeStops,
        Self::TooSlow,
        Self::NoPong,
        Self::NoSession,
        Self::Incomplete,
        Self::InvalidFrame,
        Self::NotUtf8,
        Self::TooLarge,
        Self::NoMemory,
    ];

    /// The name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerStops => "server_stops",
            Self::EdgeStops => "edge_stops",
            Self::TooSlow => "too_slow",
            Self::NoPong => "no_pong",
            Self::NoSession => "no_session",
            Self::Incomplete => "incomplete_message",
            Self::InvalidFrame => "invalid_frame",
            Self::NotUtf8 => "not_utf8",
            Self::TooLarge => "message_too_large",
            Self::NoMemory => "no_memory",
        }
    }

    /// The reason to close after an error of the websocket; none if there is nobody to tell.
    pub fn of_error(error: &Error) -> Option<Self> {
        match error {
            Error::Io(error) => {
                let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<FrameFault>());
                fault.map(|fault| (*fault).into())
            }
            Error::Capacity(_) => Some(Self::TooLarge),
            Error::Utf8(_) => Some(Self::NotUtf8),
            // The end of TCP without a close frame.
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            Error::Protocol(_) => Some(Self::InvalidFrame),
            _ => None,
        }
    }

    fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Self::ServerStops => (CloseCode::Away, "the server is going away"),
            Self::EdgeStops => {
                (CloseCode::Restart, "this server stops; connect again and claim your sessions")
            }
            Self::TooSlow => (CloseCode::Policy, "reads too slowly; connect again and claim your sessions"),
            Self::NoPong => (CloseCode::Error, "the ping was not answered"),
            Self::NoSession => (CloseCode::Policy, "no session was created or claimed in time"),
            Self::Incomplete => (CloseCode::Policy, "the message was not completed in time"),
            Self::InvalidFrame => (CloseCode::Protocol, "invalid websocket frame"),
            Self::NotUtf8 => (CloseCode::Invalid, "the text is not UTF-8"),
            Self::TooLarge => (CloseCode::Size, "the message is too large"),
            Self::NoMemory => (CloseCode::Again, "the server is busy; connect again and claim your sessions"),
        };
        CloseFrame { code, reason: reason.into() }
    }

    /// The client has broken the protocol: nothing that it sends counts, and it need not answer.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Incomplete | Self::InvalidFrame | Self::NotUtf8 | Self::TooLarge | Self::NoMemory
        )
    }

    /// What is queued is written before the close frame. Otherwise the client gets it when it claims its sessions.
    pub fn writes_queue(self) -> bool {
        matches!(self, Self::ServerStops | Self::EdgeStops)
    }
}

/// A message, and the session that it belongs to.
pub type Outgoing = (Option<SessionId>, Utf8Bytes);

/// The state of a websocket that is being closed.
pub struct Closing {
    /// The edge's close frame, until the websocket has it.
    pub frame: Option<CloseFrame>,
    /// Messages that will not be written.
    pub unwritten: VecDeque<Outgoing>,
    /// Nothing is read any more: the client has sent its close frame, or has broken the protocol. The websocket ends as
    /// soon as all is written.
    pub is_read: bool,
    pub deadline: Instant,
}

impl Closing {
    /// The edge closes.
    pub fn by_edge(reason: CloseReason) -> Self {
        Self { frame: Some(reason.frame()), is_read: reason.is_failure(), ..Self::by_client() }
    }

    /// The client has sent its close frame. The websocket itself answers with the code of that frame.
    pub fn by_client() -> Self {
        let (unwritten, deadline) = (VecDeque::new(), Instant::now() + CLOSE_TIMEOUT);
        Self { frame: None, unwritten, is_read: true, deadline }
    }
}

/// A connection after its websocket, see [`Lingering::close`].
pub struct Lingering {
    pub transport: Box<dyn Transport>,
    pub deadline: Instant,
}

impl Lingering {
    /// Ends the edge's side of TCP, and waits until the client has ended its side.
    pub async fn close(mut self) {
        let closed = async {
            self.transport.shutdown().await?;
            let mut discarded = [0; DISCARD_BUFFER];
            while self.transport.read(&mut discarded).await? > 0 {}
            std::io::Result::Ok(())
        };
        // An error means that the client is gone. After the deadline this still reads what has already arrived.
        let _ = timeout_at(self.deadline, closed).await;
    }
}
