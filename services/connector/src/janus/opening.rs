//! A new session on a new websocket, and the claim of those that a former connector had.

use super::message::{FromJanus, JanusId, ToJanus};
use super::site::Site;
use super::{Down, Stream, websocket};
use crate::options::Credentials;
use futures_util::{SinkExt, StreamExt};
use protocol::object::{Object, integer};
use std::collections::VecDeque;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// How long Janus may take for all of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Janus' session timeout where it does not say.
const SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// What was opened.
pub struct Opened {
    /// The websocket.
    pub stream: Stream,
    /// The new session.
    pub session: JanusId,
    /// The claimed sessions that Janus still had.
    pub kept: Vec<JanusId>,
    /// How long a session lasts without a request; zero for ever.
    pub session_timeout: Duration,
    /// How long it waits for a new websocket; zero not at all.
    pub reclaim_timeout: Duration,
    /// What Janus has said meanwhile.
    pub heard: VecDeque<FromJanus>,
}

/// Connects, opens a session, and claims these.
///
/// # Errors
/// [`Down`].
pub async fn open(site: &Site, claims: &[JanusId]) -> Result<Opened, Down> {
    tokio::time::timeout(PATIENCE, connect(site, claims)).await.unwrap_or(Err(Down::Silent))
}

async fn connect(site: &Site, claims: &[JanusId]) -> Result<Opened, Down> {
    let mut asking = Asking {
        stream: websocket(site).await?,
        credentials: site.credentials.clone(),
        heard: VecDeque::new(),
    };
    let info = asking.ask("info", None).await?.map_err(Down::Refused)?;
    let (session_timeout, reclaim_timeout) = timeouts(&info);
    let created = asking.ask("create", None).await?.map_err(Down::Refused)?;
    let session = created_session(&created).ok_or_else(|| Down::Refused("no session id".to_owned()))?;
    let mut kept = Vec::new();
    for claim in claims {
        if asking.ask("claim", Some(*claim)).await?.is_ok() {
            kept.push(*claim);
        }
    }
    let Asking { stream, heard, .. } = asking;
    Ok(Opened { stream, session, kept, session_timeout, reclaim_timeout, heard })
}

fn timeouts(info: &str) -> (Duration, Duration) {
    let info = Object::parse(info).unwrap_or_default();
    let seconds = |name| {
        let seconds = info.get(name).and_then(integer)?;
        Some(Duration::from_secs(u64::try_from(seconds).ok()?))
    };
    let session = seconds("session-timeout").unwrap_or(SESSION_TIMEOUT);
    (session, seconds("reclaim-session-timeout").unwrap_or_default())
}

fn created_session(created: &str) -> Option<JanusId> {
    let data = Object::parse(Object::parse(created).ok()?.get("data")?.get()).ok()?;
    data.get("id").and_then(integer).map(|id| id as u64)
}

/// A websocket on which one thing is asked at a time.
struct Asking {
    stream: Stream,
    credentials: Credentials,
    heard: VecDeque<FromJanus>,
}

impl Asking {
    /// Janus' answer, or what it has against it.
    async fn ask(
        &mut self,
        verb: &'static str,
        session_id: Option<JanusId>,
    ) -> Result<Result<String, String>, Down> {
        let request = ToJanus { session_id, ..ToJanus::showing(&self.credentials, verb) };
        self.stream.send(Message::text(request.text())).await.map_err(Box::new)?;
        while let Some(message) = self.stream.next().await {
            let Message::Text(text) = message.map_err(Box::new)? else { continue };
            match answers(text.as_str(), verb) {
                Some(true) => return Ok(Ok(text.as_str().to_owned())),
                Some(false) => return Ok(Err(text.as_str().chars().take(200).collect())),
                None => self.heard.push_back(FromJanus::read(text.as_str())),
            }
        }
        Err(Down::Closed)
    }
}

/// Whether this is the answer to a request, and whether a good one.
fn answers(text: &str, transaction: &str) -> Option<bool> {
    let answer = Object::parse(text).ok()?;
    let is_it = answer.string("transaction").is_ok_and(|its| its == transaction);
    is_it.then(|| answer.get("error").is_none())
}
