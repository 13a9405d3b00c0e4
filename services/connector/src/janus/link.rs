//! A websocket to a Janus server while it is up, with one or more of our sessions on it.

use super::message::{FromJanus, JanusId, ToJanus};
use super::opening::Connected;
use super::writer::Writer;
use super::{LinkError, Stream};
use crate::numbers;
use crate::options::Credentials;
use crate::standing::LeaseWatch;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use service::CancellationToken;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

/// Requests that may wait for Janus to read them; one more and the link is down.
const MAX_QUEUED_REQUESTS: usize = 4096;
/// The longest time between two signs of life.
const MAX_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// Janus is gone when it has said nothing for so long,
const SILENCE_TIMEOUT: Duration = Duration::from_secs(4);
/// and not within this time after a sign of life of ours.
const KEEPALIVE_REPLY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long Janus may take to read that we go.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A websocket with sessions on it.
pub struct Link {
    newest: JanusId,
    claimed: Vec<JanusId>,
    /// How often [`keepalive`](Self::keepalive) is to be called.
    pub keepalive_interval: Duration,
    credentials: Credentials,
    requests: mpsc::Sender<String>,
    keepalives: mpsc::Sender<String>,
    writer: JoinHandle<()>,
    broken: CancellationToken,
    messages: SplitStream<Stream>,
    /// What was heard before anybody listened.
    early: VecDeque<FromJanus>,
    last_received: Instant,
    /// Since when a sign of life is not answered.
    keepalive_pending_since: Option<Instant>,
}

impl Link {
    /// What was opened; requests are written while the lease is ours.
    pub fn new(opened: Connected, credentials: Credentials, standing: LeaseWatch) -> Self {
        let keepalive_interval = keepalive_interval(&opened);
        let Connected { stream, session, claimed: kept, early, .. } = opened;
        let (sink, messages) = stream.split();
        let (requests, unread) = mpsc::channel(MAX_QUEUED_REQUESTS);
        let (keepalives, unread_signs) = mpsc::channel(MAX_QUEUED_REQUESTS);
        let broken = CancellationToken::new();
        let writer = Writer { sink, requests: unread, keepalives: unread_signs, lease: standing };
        let writer = tokio::spawn(writer.run(broken.clone()));
        Self {
            newest: session,
            claimed: kept,
            keepalive_interval,
            credentials,
            requests,
            keepalives,
            writer,
            broken,
            messages,
            early,
            last_received: Instant::now(),
            keepalive_pending_since: None,
        }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`Down`] when Janus does not read.
    pub fn send(&self, text: String) -> Result<(), LinkError> {
        self.requests.try_send(text).map_err(|error| {
            if matches!(error, TrySendError::Full(_)) {
                numbers::record_full(numbers::REQUESTS);
            }
            LinkError::Backpressure
        })
    }

    /// Ends a session that is not the newest.
    ///
    /// # Errors
    /// [`Down`] when Janus does not read.
    pub fn destroy(&mut self, session: JanusId) -> Result<(), LinkError> {
        self.claimed.retain(|older| *older != session);
        self.send(self.session_request("destroy", session))
    }

    /// The next message. Safe to cancel.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn next(&mut self) -> Result<FromJanus, LinkError> {
        loop {
            let message = match self.early.pop_front() {
                Some(early) => early,
                None => match self.read().await? {
                    Message::Text(text) => FromJanus::read(text.as_str()),
                    Message::Close(_) => return Err(LinkError::Closed),
                    _ => continue,
                },
            };
            match message {
                FromJanus::SessionEnded(session) if session.is_none_or(|session| session == self.newest) => {
                    return Err(LinkError::SessionEnded);
                }
                FromJanus::SessionEnded(Some(session)) => self.claimed.retain(|older| *older != session),
                _ => {}
            }
            return Ok(message);
        }
    }

    async fn read(&mut self) -> Result<Message, LinkError> {
        let message = tokio::select! {
            biased;
            message = self.messages.next() => message.ok_or(LinkError::Closed)?.map_err(Box::new)?,
            () = self.broken.cancelled() => return Err(LinkError::Closed),
        };
        self.last_received = Instant::now();
        self.keepalive_pending_since = None;
        Ok(message)
    }

    /// A sign of life for each session, which Janus answers.
    ///
    /// # Errors
    /// [`Down`] when Janus does not read.
    pub fn send_keepalives(&mut self) -> Result<(), LinkError> {
        for session in self.sessions() {
            self.keepalives
                .try_send(self.session_request("keepalive", session))
                .map_err(|_| LinkError::Backpressure)?;
        }
        self.keepalive_pending_since.get_or_insert(Instant::now());
        Ok(())
    }

    /// When Janus counts as silent, if nothing is heard until then.
    pub fn silence_deadline(&self) -> Option<Instant> {
        self.keepalive_pending_since
            .map(|since| (since + KEEPALIVE_REPLY_TIMEOUT).max(self.last_received + SILENCE_TIMEOUT))
    }

    /// The session for new calls.
    pub fn newest(&self) -> JanusId {
        self.newest
    }

    /// All sessions.
    pub fn sessions(&self) -> Vec<JanusId> {
        self.claimed.iter().copied().chain([self.newest]).collect()
    }

    fn session_request(&self, verb: &'static str, session: JanusId) -> String {
        ToJanus { session_id: Some(session), ..ToJanus::authenticated(&self.credentials, verb) }.to_json()
    }

    /// Ends all sessions and the websocket, and waits, but not long, until Janus has read that.
    pub async fn close(mut self) {
        for session in self.sessions() {
            let _ = self.send(self.session_request("destroy", session));
        }
        self.disconnect().await;
    }

    /// Ends the websocket and leaves the sessions to whoever claims them.
    pub async fn disconnect(&mut self) {
        // The writer ends when nobody can ask for more.
        self.requests = mpsc::channel(1).0;
        let drained = async { while let Some(Ok(_)) = self.messages.next().await {} };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, drained).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

/// Often enough for Janus to be found out when it is gone, and for its timeouts.
fn keepalive_interval(opened: &Connected) -> Duration {
    let timeouts = [opened.session_timeout, opened.reclaim_timeout];
    let thirds = timeouts.into_iter().filter(|timeout| !timeout.is_zero()).map(|timeout| timeout / 3);
    thirds.min().unwrap_or(MAX_KEEPALIVE_INTERVAL).min(MAX_KEEPALIVE_INTERVAL)
}
