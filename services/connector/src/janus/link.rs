//! A websocket to a Janus server while it is up, with one or more sessions of this connector.
//!
//! The link is down, with a [`LinkError`], when the socket breaks, or Janus does not reply, does not read,
//! or ends the newest session. [`reconnect`](super::reconnect) then opens the next link.

use super::connect::Connected;
use super::endpoint::{JanusSocket, LinkError, close_deadline, close_websocket};
use super::message::{FromJanus, JanusId, ToJanus};
use crate::lease::state::LeaseWatch;
use crate::metrics;
use crate::options::Credentials;
use common::SizeLimit;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use service::CancellationToken;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::task::AbortOnDropHandle;

/// The bound of the requests that wait for Janus to read them. One request too many takes the link down; one that is
/// too large for its place is refused.
const REQUEST_LIMIT: SizeLimit = SizeLimit { entries: 4096, bytes: 32 << 20 };
const MAX_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// How long Janus may be silent before the link counts as down, if it does not reply to a keepalive either.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long Janus may take to reply to a keepalive before the link counts as down.
const KEEPALIVE_REPLY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the last requests may take to be written before the websocket is closed without them.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);

pub struct Link {
    newest: JanusId,
    claimed: Vec<JanusId>,
    /// How often [`send_keepalives`](Self::send_keepalives) is to be called.
    pub keepalive_interval: Duration,
    credentials: Credentials,
    requests: mpsc::Sender<String>,
    keepalives: mpsc::Sender<String>,
    writer: AbortOnDropHandle<SplitSink<JanusSocket, Message>>,
    /// Makes the writer stop.
    stop: CancellationToken,
    /// Cancelled when the writer fails.
    broken: CancellationToken,
    messages: SplitStream<JanusSocket>,
    /// Messages that were received while the link was opened.
    early: VecDeque<FromJanus>,
    /// One request too many was to be sent.
    is_overflowing: bool,
    last_received: Instant,
    /// When the first keepalive without a reply was sent.
    keepalive_pending_since: Option<Instant>,
}

impl Link {
    /// Starts the writer. It only writes requests while the lease is valid.
    pub fn new(connected: Connected, credentials: Credentials, lease: LeaseWatch) -> Self {
        let keepalive_interval = keepalive_interval(&connected);
        let Connected { socket, session, claimed, early, .. } = connected;
        let (sink, messages) = socket.split();
        let (requests, queued_requests) = mpsc::channel(REQUEST_LIMIT.entries);
        let (keepalives, queued_keepalives) = mpsc::channel(REQUEST_LIMIT.entries);
        let (stop, broken) = (CancellationToken::new(), CancellationToken::new());
        let writer = Writer { sink, requests: queued_requests, keepalives: queued_keepalives, lease };
        Self {
            newest: session,
            claimed,
            keepalive_interval,
            credentials,
            requests,
            keepalives,
            writer: AbortOnDropHandle::new(tokio::spawn(writer.run(stop.clone(), broken.clone()))),
            stop,
            broken,
            messages,
            early,
            is_overflowing: false,
            last_received: Instant::now(),
            keepalive_pending_since: None,
        }
    }

    /// Queues a request, or returns it if there is no room for it.
    pub fn send(&mut self, text: String) -> Option<String> {
        let queued = REQUEST_LIMIT.entries - self.requests.capacity();
        let sent = if REQUEST_LIMIT.admits(queued, text.len()) {
            self.requests.try_send(text)
        } else {
            Err(TrySendError::Full(text))
        };
        match sent.err()? {
            TrySendError::Full(unsent) => {
                metrics::record_full(metrics::REQUESTS);
                self.is_overflowing |= queued >= REQUEST_LIMIT.entries;
                Some(unsent)
            }
            TrySendError::Closed(unsent) => Some(unsent),
        }
    }

    /// Ends a claimed session. Returns a request for which there is no room.
    pub fn destroy(&mut self, session: JanusId) -> Option<String> {
        self.claimed.retain(|claimed| *claimed != session);
        self.send(self.session_request("destroy", session))
    }

    /// Waits for the next message. Safe to cancel.
    ///
    /// # Errors
    /// When the socket breaks, Janus ends the newest session, or too many requests wait.
    pub async fn next(&mut self) -> Result<FromJanus, LinkError> {
        loop {
            if self.is_overflowing {
                return Err(LinkError::Backpressure);
            }
            let message = match self.early.pop_front() {
                Some(early) => early,
                None => match self.read().await? {
                    Message::Text(text) => FromJanus::read(text.as_str()),
                    Message::Close(_) => return Err(LinkError::Closed),
                    _ => continue,
                },
            };
            match message {
                FromJanus::SessionEnded(ended) if ended.is_none_or(|session| session == self.newest) => {
                    return Err(LinkError::SessionEnded);
                }
                FromJanus::SessionEnded(Some(ended)) => self.claimed.retain(|claimed| *claimed != ended),
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

    /// Queues a keepalive for each session. Janus replies to each.
    ///
    /// # Errors
    /// [`LinkError::Backpressure`] when the queue is full.
    pub fn send_keepalives(&mut self) -> Result<(), LinkError> {
        for session in self.sessions() {
            let keepalive = self.session_request("keepalive", session);
            self.keepalives.try_send(keepalive).map_err(|_| LinkError::Backpressure)?;
        }
        self.keepalive_pending_since.get_or_insert(Instant::now());
        Ok(())
    }

    /// When the link counts as unresponsive, if Janus sends nothing until then.
    pub fn silence_deadline(&self) -> Option<Instant> {
        let sent_at = self.keepalive_pending_since?;
        Some((sent_at + KEEPALIVE_REPLY_TIMEOUT).max(self.last_received + SILENCE_TIMEOUT))
    }

    /// All sessions, the newest last.
    pub fn sessions(&self) -> Vec<JanusId> {
        self.claimed.iter().copied().chain([self.newest]).collect()
    }

    fn session_request(&self, verb: &'static str, session: JanusId) -> String {
        ToJanus { session_id: Some(session), ..ToJanus::authenticated(&self.credentials, verb) }.to_json()
    }

    /// Destroys all sessions and closes the websocket.
    pub async fn close(mut self) {
        for session in self.sessions() {
            let _ = self.send(self.session_request("destroy", session));
        }
        self.disconnect().await;
    }

    /// Writes what is queued and closes the websocket. The sessions stay on Janus, for the next connector to claim.
    pub async fn disconnect(mut self) {
        // The writer stops once no sender of requests is left.
        self.requests = mpsc::channel(1).0;
        self.close_websocket(CloseCode::Normal).await;
    }

    /// Closes the websocket. What is queued is not written: the lease is lost, or the link is down.
    pub async fn abandon(self, code: CloseCode) {
        self.stop.cancel();
        self.close_websocket(code).await;
    }

    async fn close_websocket(self, code: CloseCode) {
        let Self { mut writer, stop, mut messages, .. } = self;
        let deadline = close_deadline();
        let write_deadline = Instant::now() + WRITE_TIMEOUT;
        let sink = loop {
            tokio::select! {
                biased;
                sink = &mut writer => break sink.ok(),
                // Janus does not read, or the lease is uncertain.
                () = sleep_until(write_deadline), if !stop.is_cancelled() => stop.cancel(),
                // Janus may have to write before it reads.
                Some(_) = messages.next() => {}
            }
        };
        if let Some(socket) = sink.and_then(|sink| sink.reunite(messages).ok()) {
            close_websocket(socket, code, deadline).await;
        }
    }
}

/// A third of Janus' timeouts, and often enough to detect that Janus is unresponsive.
fn keepalive_interval(connected: &Connected) -> Duration {
    let timeouts = [connected.session_timeout, connected.reclaim_timeout];
    let thirds = timeouts.into_iter().filter(|timeout| !timeout.is_zero()).map(|timeout| timeout / 3);
    thirds.min().unwrap_or(MAX_KEEPALIVE_INTERVAL).min(MAX_KEEPALIVE_INTERVAL)
}

/// Writes to Janus: requests only while the lease is valid, keepalives always. A connector that resumes
/// after a pause has lost its lease, so it writes nothing of what it decided before.
struct Writer {
    sink: SplitSink<JanusSocket, Message>,
    requests: mpsc::Receiver<String>,
    keepalives: mpsc::Receiver<String>,
    lease: LeaseWatch,
}

impl Writer {
    /// Writes until the channel of requests is closed, or `stop` is cancelled. Cancels `broken` on an error. Returns
    /// the sink.
    async fn run(
        mut self,
        stop: CancellationToken,
        broken: CancellationToken,
    ) -> SplitSink<JanusSocket, Message> {
        if let Some(Err(_)) = stop.run_until_cancelled(self.write_all()).await {
            broken.cancel();
        }
        self.sink
    }

    async fn write_all(&mut self) -> Result<(), tungstenite::Error> {
        let mut request = None;
        loop {
            tokio::select! {
                biased;
                Some(keepalive) = self.keepalives.recv() => self.sink.send(Message::text(keepalive)).await?,
                next = self.requests.recv(), if request.is_none() => match next {
                    Some(next) => request = Some(next),
                    None => return Ok(()),
                },
                () = self.lease.until_valid(), if request.is_some() => self.write(request.take()).await?,
            }
        }
    }

    /// Writes a request and those queued behind it, as long as the lease is valid.
    async fn write(&mut self, mut request: Option<String>) -> Result<(), tungstenite::Error> {
        while let Some(text) = request {
            self.sink.feed(Message::text(text)).await?;
            request = self.lease.is_valid().then(|| self.requests.try_recv().ok()).flatten();
        }
        self.sink.flush().await
    }
}

#[cfg(test)]
mod tests;
