//! Connects to Janus: opens a websocket, creates a session on it, and claims the sessions of a former
//! connector.

use super::endpoint::{Endpoint, JanusSocket, LinkError, close_deadline, close_websocket, open_websocket};
use super::message::{FromJanus, JanusId, ToJanus};
use crate::options::Credentials;
use common::SizeLimit;
use futures_util::{SinkExt, StreamExt};
use protocol::object::{LazyObject, integer};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;

/// How long the websocket, the session and all claims may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Janus' own default, if it does not report its session timeout.
const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// The bound of the messages that Janus may send before the handshake is complete.
const EARLY_LIMIT: SizeLimit = SizeLimit { entries: 4096, bytes: 16 << 20 };
/// How many characters of a refusal are kept for the log.
const MAX_REFUSAL: usize = 200;

/// A websocket with a new session.
pub struct Connected {
    pub socket: JanusSocket,
    pub session: JanusId,
    /// The claimed sessions that Janus still had.
    pub claimed: Vec<JanusId>,
    /// How long a session lasts without a request; zero: no limit.
    pub session_timeout: Duration,
    /// How long Janus keeps a session for a claim after its websocket closes; zero: not at all.
    pub reclaim_timeout: Duration,
    /// Messages that Janus sent before the handshake was complete.
    pub early: VecDeque<FromJanus>,
}

/// Connects, creates a session, and claims these sessions.
///
/// # Errors
/// [`LinkError`] when any of it fails, except a claim.
pub async fn connect(endpoint: &Endpoint, claims: &[JanusId]) -> Result<Connected, LinkError> {
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let websocket = timeout_at(deadline, open_websocket(endpoint)).await;
    let mut handshake = Handshake {
        socket: websocket.unwrap_or(Err(LinkError::Unresponsive))?,
        credentials: endpoint.credentials.clone(),
        early: VecDeque::new(),
    };
    let opened = timeout_at(deadline, handshake.open_sessions(claims)).await;
    let Handshake { socket, early, .. } = handshake;
    match opened.unwrap_or(Err(LinkError::Unresponsive)) {
        Ok(Sessions { session, claimed, session_timeout, reclaim_timeout }) => {
            Ok(Connected { socket, session, claimed, session_timeout, reclaim_timeout, early })
        }
        Err(error) => {
            tokio::spawn(close_websocket(socket, error.close_code(), close_deadline()));
            Err(error)
        }
    }
}

fn timeouts(info: &str) -> (Duration, Duration) {
    let info = LazyObject::parse(info).unwrap_or_default();
    let seconds = |name| {
        let seconds = info.get(name).and_then(integer)?;
        Some(Duration::from_secs(u64::try_from(seconds).ok()?))
    };
    let session = seconds("session-timeout").unwrap_or(DEFAULT_SESSION_TIMEOUT);
    (session, seconds("reclaim-session-timeout").unwrap_or_default())
}

fn created_session(created: &str) -> Option<JanusId> {
    let data = LazyObject::parse(LazyObject::parse(created).ok()?.get("data")?.get()).ok()?;
    data.get("id").and_then(integer).map(|id| id as u64)
}

/// A websocket on which one request is in flight at a time.
struct Handshake {
    socket: JanusSocket,
    credentials: Credentials,
    early: VecDeque<FromJanus>,
}

/// The sessions on a new websocket, see [`Connected`].
struct Sessions {
    session: JanusId,
    claimed: Vec<JanusId>,
    session_timeout: Duration,
    reclaim_timeout: Duration,
}

/// Janus' reply to a request of the handshake.
enum Reply {
    Success(String),
    Refused(String),
}

impl Handshake {
    async fn open_sessions(&mut self, claims: &[JanusId]) -> Result<Sessions, LinkError> {
        let info = self.require("info").await?;
        let (session_timeout, reclaim_timeout) = timeouts(&info);
        let created = self.require("create").await?;
        let session =
            created_session(&created).ok_or_else(|| LinkError::Refused("no session id".to_owned()))?;
        let mut claimed = Vec::new();
        for claim in claims {
            if let Reply::Success(_) = self.request("claim", Some(*claim)).await? {
                claimed.push(*claim);
            }
        }
        Ok(Sessions { session, claimed, session_timeout, reclaim_timeout })
    }

    async fn require(&mut self, verb: &'static str) -> Result<String, LinkError> {
        match self.request(verb, None).await? {
            Reply::Success(text) => Ok(text),
            Reply::Refused(text) => Err(LinkError::Refused(text)),
        }
    }

    async fn request(&mut self, verb: &'static str, session_id: Option<JanusId>) -> Result<Reply, LinkError> {
        let request = ToJanus { session_id, ..ToJanus::authenticated(&self.credentials, verb) };
        self.socket.send(Message::text(request.to_json())).await.map_err(Box::new)?;
        while let Some(message) = self.socket.next().await {
            let Message::Text(text) = message.map_err(Box::new)? else { continue };
            match reply_to(verb, text.as_str()) {
                Some(reply) => return Ok(reply),
                None if !EARLY_LIMIT.admits(self.early.len(), text.len()) => return Err(LinkError::Flooded),
                None => self.early.push_back(FromJanus::read(text.as_str())),
            }
        }
        Err(LinkError::Closed)
    }
}

/// Reads a message if it is the reply to this transaction.
fn reply_to(transaction: &str, text: &str) -> Option<Reply> {
    let message = LazyObject::parse(text).ok()?;
    if message.string("transaction").ok()? != transaction {
        return None;
    }
    Some(match message.get("error") {
        None => Reply::Success(text.to_owned()),
        Some(_) => Reply::Refused(text.chars().take(MAX_REFUSAL).collect()),
    })
}
