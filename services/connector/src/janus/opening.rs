//! A new session on a new websocket, and the claim of those that a former connector had.

use super::message::{FromJanus, JanusId, ToJanus};
use super::site::Endpoint;
use super::{LinkError, Stream, open_websocket};
use crate::options::Credentials;
use futures_util::{SinkExt, StreamExt};
use protocol::object::{LazyObject, integer};
use std::collections::VecDeque;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// How long Janus may take for all of it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Janus' session timeout where it does not say.
const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// What was opened.
pub struct Connected {
    /// The websocket.
    pub stream: Stream,
    /// The new session.
    pub session: JanusId,
    /// The claimed sessions that Janus still had.
    pub claimed: Vec<JanusId>,
    /// How long a session lasts without a request; zero for ever.
    pub session_timeout: Duration,
    /// How long it waits for a new websocket; zero not at all.
    pub reclaim_timeout: Duration,
    /// What Janus has said meanwhile.
    pub early: VecDeque<FromJanus>,
}

/// Connects, opens a session, and claims these.
///
/// # Errors
/// [`Down`].
pub async fn connect(site: &Endpoint, claims: &[JanusId]) -> Result<Connected, LinkError> {
    tokio::time::timeout(CONNECT_TIMEOUT, handshake(site, claims))
        .await
        .unwrap_or(Err(LinkError::Unresponsive))
}

async fn handshake(site: &Endpoint, claims: &[JanusId]) -> Result<Connected, LinkError> {
    let mut asking = Handshake {
        stream: open_websocket(site).await?,
        credentials: site.credentials.clone(),
        early: VecDeque::new(),
    };
    let info = asking.request("info", None).await?.map_err(LinkError::Refused)?;
    let (session_timeout, reclaim_timeout) = timeouts(&info);
    let created = asking.request("create", None).await?.map_err(LinkError::Refused)?;
    let session = created_session(&created).ok_or_else(|| LinkError::Refused("no session id".to_owned()))?;
    let mut kept = Vec::new();
    for claim in claims {
        if asking.request("claim", Some(*claim)).await?.is_ok() {
            kept.push(*claim);
        }
    }
    let Handshake { stream, early: heard, .. } = asking;
    Ok(Connected { stream, session, claimed: kept, session_timeout, reclaim_timeout, early: heard })
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

/// A websocket on which one thing is asked at a time.
struct Handshake {
    stream: Stream,
    credentials: Credentials,
    early: VecDeque<FromJanus>,
}

impl Handshake {
    /// Janus' answer, or what it has against it.
    async fn request(
        &mut self,
        verb: &'static str,
        session_id: Option<JanusId>,
    ) -> Result<Result<String, String>, LinkError> {
        let request = ToJanus { session_id, ..ToJanus::authenticated(&self.credentials, verb) };
        self.stream.send(Message::text(request.to_json())).await.map_err(Box::new)?;
        while let Some(message) = self.stream.next().await {
            let Message::Text(text) = message.map_err(Box::new)? else { continue };
            match reply_outcome(text.as_str(), verb) {
                Some(true) => return Ok(Ok(text.as_str().to_owned())),
                Some(false) => return Ok(Err(text.as_str().chars().take(200).collect())),
                None => self.early.push_back(FromJanus::read(text.as_str())),
            }
        }
        Err(LinkError::Closed)
    }
}

/// Whether this is the answer to a request, and whether a good one.
fn reply_outcome(text: &str, transaction: &str) -> Option<bool> {
    let answer = LazyObject::parse(text).ok()?;
    let is_it = answer.string("transaction").is_ok_and(|its| its == transaction);
    is_it.then(|| answer.get("error").is_none())
}
