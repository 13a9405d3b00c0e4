//! A websocket to a Janus server while it is up, with one or more of our sessions on it.

use super::message::{FromJanus, JanusId, ToJanus};
use super::opening::Opened;
use super::writer::Writer;
use super::{Down, Stream};
use crate::numbers;
use crate::options::Credentials;
use crate::standing::Standing;
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
const MAX_UNREAD: usize = 4096;
/// The longest time between two signs of life.
const MAX_KEEPALIVE: Duration = Duration::from_secs(2);
/// Janus is gone when it has said nothing for so long,
const SILENCE: Duration = Duration::from_secs(4);
/// and not within this time after a sign of life of ours.
const ANSWER: Duration = Duration::from_secs(2);
/// How long Janus may take to read that we go.
const GOODBYE: Duration = Duration::from_secs(1);

/// A websocket with sessions on it.
pub struct Link {
    newest: JanusId,
    older: Vec<JanusId>,
    /// How often [`keepalive`](Self::keepalive) is to be called.
    pub keepalive_every: Duration,
    credentials: Credentials,
    requests: mpsc::Sender<String>,
    signs: mpsc::Sender<String>,
    writer: JoinHandle<()>,
    broken: CancellationToken,
    messages: SplitStream<Stream>,
    /// What was heard before anybody listened.
    early: VecDeque<FromJanus>,
    heard: Instant,
    /// Since when a sign of life is not answered.
    unanswered: Option<Instant>,
}

impl Link {
    /// What was opened; requests are written while the lease is ours.
    pub fn over(opened: Opened, credentials: Credentials, standing: Standing) -> Self {
        let keepalive_every = pace(&opened);
        let Opened { stream, session, kept, heard: early, .. } = opened;
        let (sink, messages) = stream.split();
        let (requests, unread) = mpsc::channel(MAX_UNREAD);
        let (signs, unread_signs) = mpsc::channel(MAX_UNREAD);
        let broken = CancellationToken::new();
        let writer = Writer { sink, requests: unread, signs: unread_signs, standing };
        let writer = tokio::spawn(writer.run(broken.clone()));
        Self {
            newest: session,
            older: kept,
            keepalive_every,
            credentials,
            requests,
            signs,
            writer,
            broken,
            messages,
            early,
            heard: Instant::now(),
            unanswered: None,
        }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`Down`] when Janus does not read.
    pub fn send(&self, text: String) -> Result<(), Down> {
        self.requests.try_send(text).map_err(|error| {
            if matches!(error, TrySendError::Full(_)) {
                numbers::full(numbers::REQUESTS);
            }
            Down::Clogged
        })
    }

    /// Ends a session that is not the newest.
    ///
    /// # Errors
    /// [`Down`] when Janus does not read.
    pub fn destroy(&mut self, session: JanusId) -> Result<(), Down> {
        self.older.retain(|older| *older != session);
        self.send(self.of("destroy", session))
    }

    /// The next message. Safe to cancel.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn next(&mut self) -> Result<FromJanus, Down> {
        loop {
            let message = match self.early.pop_front() {
                Some(early) => early,
                None => match self.read().await? {
                    Message::Text(text) => FromJanus::read(text.as_str()),
                    Message::Close(_) => return Err(Down::Closed),
                    _ => continue,
                },
            };
            match message {
                FromJanus::Over(session) if session.is_none_or(|session| session == self.newest) => {
                    return Err(Down::Ended);
                }
                FromJanus::Over(Some(session)) => self.older.retain(|older| *older != session),
                _ => {}
            }
            return Ok(message);
        }
    }

    async fn read(&mut self) -> Result<Message, Down> {
        let message = tokio::select! {
            biased;
            message = self.messages.next() => message.ok_or(Down::Closed)?.map_err(Box::new)?,
            () = self.broken.cancelled() => return Err(Down::Closed),
        };
        self.heard = Instant::now();
        self.unanswered = None;
        Ok(message)
    }

    /// A sign of life for each session, which Janus answers.
    ///
    /// # Errors
    /// [`Down`] when Janus does not read.
    pub fn keepalive(&mut self) -> Result<(), Down> {
        for session in self.sessions() {
            self.signs.try_send(self.of("keepalive", session)).map_err(|_| Down::Clogged)?;
        }
        self.unanswered.get_or_insert(Instant::now());
        Ok(())
    }

    /// When Janus counts as silent, if nothing is heard until then.
    pub fn silent_at(&self) -> Option<Instant> {
        self.unanswered.map(|since| (since + ANSWER).max(self.heard + SILENCE))
    }

    /// The session for new calls.
    pub fn newest(&self) -> JanusId {
        self.newest
    }

    /// All sessions.
    pub fn sessions(&self) -> Vec<JanusId> {
        self.older.iter().copied().chain([self.newest]).collect()
    }

    fn of(&self, verb: &'static str, session: JanusId) -> String {
        ToJanus { session_id: Some(session), ..ToJanus::showing(&self.credentials, verb) }.text()
    }

    /// Ends all sessions and the websocket, and waits, but not long, until Janus has read that.
    pub async fn close(mut self) {
        for session in self.sessions() {
            let _ = self.send(self.of("destroy", session));
        }
        self.leave().await;
    }

    /// Ends the websocket and leaves the sessions to whoever claims them.
    pub async fn leave(&mut self) {
        // The writer ends when nobody can ask for more.
        self.requests = mpsc::channel(1).0;
        let drained = async { while let Some(Ok(_)) = self.messages.next().await {} };
        let _ = tokio::time::timeout(GOODBYE, drained).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

/// Often enough for Janus to be found out when it is gone, and for its timeouts.
fn pace(opened: &Opened) -> Duration {
    let timeouts = [opened.session_timeout, opened.reclaim_timeout];
    let thirds = timeouts.into_iter().filter(|timeout| !timeout.is_zero()).map(|timeout| timeout / 3);
    thirds.min().unwrap_or(MAX_KEEPALIVE).min(MAX_KEEPALIVE)
}
