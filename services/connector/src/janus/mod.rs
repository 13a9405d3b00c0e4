//! A websocket to one Janus server with one session on it.
//!
//! It is there or it is not: when anything about it fails (the socket breaks, Janus is silent for
//! too long, does not read, or ends the session), it is [`Down`], and a new one is opened.

pub mod message;
pub mod site;

use crate::options::Credentials;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use message::{FromJanus, JanusId, ToJanus};
use protocol::object::{Object, integer};
use service::CancellationToken;
use site::{Site, Transport};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

/// A websocket to a Janus server.
pub type Stream = WebSocketStream<Box<dyn Transport>>;

/// How long Janus may take to open a connection and a session.
const OPEN_PATIENCE: Duration = Duration::from_secs(5);
/// Requests that may wait for Janus to read them; one more and the link is down.
const MAX_UNREAD: usize = 4096;
/// The longest time between two signs of life.
const MAX_KEEPALIVE: Duration = Duration::from_secs(20);
/// The largest message taken from Janus, in bytes.
const MAX_MESSAGE: usize = 4 << 20;

/// A session on a Janus server.
pub struct Link {
    /// The session.
    pub session: JanusId,
    /// How often [`keepalive`](Self::keepalive) is to be called.
    pub keepalive_every: Duration,
    credentials: Credentials,
    requests: mpsc::Sender<String>,
    messages: SplitStream<Stream>,
    heard: Instant,
    closed: CancellationToken,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum Down {
    /// No stream of bytes.
    #[error("no connection: {0}")]
    Unreachable(#[from] io::Error),
    /// The websocket.
    #[error("websocket: {0}")]
    Socket(#[from] Box<tungstenite::Error>),
    /// The URL.
    #[error("not a websocket URL")]
    Url,
    /// Janus closed the connection.
    #[error("Janus closed the connection")]
    Closed,
    /// Janus does not answer.
    #[error("Janus does not answer")]
    Silent,
    /// Janus does not read.
    #[error("Janus does not read what it is sent")]
    Clogged,
    /// Janus refused a session.
    #[error("Janus refused a session: {0}")]
    Refused(String),
}

impl Link {
    /// Connects and opens a session.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn open(site: &Site) -> Result<Self, Down> {
        tokio::time::timeout(OPEN_PATIENCE, Self::connect(site)).await.unwrap_or(Err(Down::Silent))
    }

    async fn connect(site: &Site) -> Result<Self, Down> {
        let credentials = site.credentials.clone();
        let mut stream = websocket(site).await?;
        let timeout = ask(&mut stream, "info", &credentials, |info| {
            info.get("session-timeout").and_then(integer).map_or(60, |seconds| seconds as u64)
        });
        let timeout = timeout.await?;
        let session = ask(&mut stream, "create", &credentials, |created| {
            let data = Object::parse(created.get("data")?.get()).ok()?;
            data.get("id").and_then(integer).map(|id| id as u64)
        });
        let session = session.await?.ok_or_else(|| Down::Refused("no session id".to_owned()))?;
        Ok(Self::over(stream, session, timeout, credentials))
    }

    fn over(stream: Stream, session: JanusId, session_timeout: u64, credentials: Credentials) -> Self {
        let (sink, messages) = stream.split();
        let (requests, queue) = mpsc::channel(MAX_UNREAD);
        let closed = CancellationToken::new();
        tokio::spawn(write(sink, queue, closed.clone()));
        let third = Duration::from_millis(session_timeout * 1000 / 3);
        let keepalive_every = if third.is_zero() { MAX_KEEPALIVE } else { third.min(MAX_KEEPALIVE) };
        Self { session, keepalive_every, credentials, requests, messages, heard: Instant::now(), closed }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`Down`] when Janus does not read.
    pub fn send(&self, text: String) -> Result<(), Down> {
        self.requests.try_send(text).map_err(|_| Down::Clogged)
    }

    /// The next message. Safe to cancel.
    ///
    /// # Errors
    /// [`Down`].
    pub async fn next(&mut self) -> Result<FromJanus, Down> {
        loop {
            let message = tokio::select! {
                biased;
                message = self.messages.next() => message.ok_or(Down::Closed)?.map_err(Box::new)?,
                () = self.closed.cancelled() => return Err(Down::Closed),
            };
            self.heard = Instant::now();
            match message {
                Message::Text(text) => return Ok(FromJanus::read(text.as_str())),
                Message::Close(_) => return Err(Down::Closed),
                _ => {}
            }
        }
    }

    /// A sign of life to Janus, which answers it.
    ///
    /// # Errors
    /// `Silent` when it has not answered the last one.
    pub fn keepalive(&self) -> Result<(), Down> {
        if self.heard.elapsed() > self.keepalive_every * 2 {
            return Err(Down::Silent);
        }
        self.send(self.of_session("keepalive"))
    }

    fn of_session(&self, verb: &'static str) -> String {
        let session_id = Some(self.session);
        ToJanus { session_id, ..ToJanus::showing(&self.credentials, verb) }.text()
    }

    /// Ends the session and waits, but not long, until Janus has read that.
    pub async fn close(self) {
        let _ = self.send(self.of_session("destroy"));
        let Self { requests, mut messages, .. } = self;
        drop(requests);
        let drained = async { while let Some(Ok(_)) = messages.next().await {} };
        let _ = tokio::time::timeout(Duration::from_secs(1), drained).await;
    }
}

/// Opens a websocket, with no session on it.
///
/// # Errors
/// [`Down`].
pub async fn websocket(site: &Site) -> Result<Stream, Down> {
    let request = ClientRequestBuilder::new(site.url.parse().map_err(|_| Down::Url)?);
    let request = request.with_sub_protocol("janus-protocol");
    let config = WebSocketConfig::default().read_buffer_size(16 * 1024).max_message_size(Some(MAX_MESSAGE));
    let transport = site.dial().await?;
    let opening = tokio_tungstenite::client_async_with_config(request, transport, Some(config));
    let (stream, _) = opening.await.map_err(Box::new)?;
    Ok(stream)
}

/// Sends a request without a session and reads its answer.
async fn ask<T>(
    stream: &mut Stream,
    verb: &'static str,
    credentials: &Credentials,
    read: impl Fn(&Object<'_>) -> T,
) -> Result<T, Down> {
    let request = ToJanus::showing(credentials, verb);
    stream.send(Message::text(request.text())).await.map_err(Box::new)?;
    while let Some(message) = stream.next().await {
        let Message::Text(text) = message.map_err(Box::new)? else { continue };
        let Ok(answer) = Object::parse(text.as_str()) else { continue };
        if answer.get("error").is_some() {
            return Err(Down::Refused(text.as_str().chars().take(200).collect()));
        }
        return Ok(read(&answer));
    }
    Err(Down::Closed)
}

/// Writes requests until there are no more, then closes the websocket.
async fn write(
    mut sink: SplitSink<Stream, Message>,
    mut queue: mpsc::Receiver<String>,
    closed: CancellationToken,
) {
    while let Some(text) = queue.recv().await {
        let mut fed = sink.feed(Message::text(text)).await;
        while let (Ok(()), Ok(text)) = (&fed, queue.try_recv()) {
            fed = sink.feed(Message::text(text)).await;
        }
        if fed.is_err() || sink.flush().await.is_err() {
            return closed.cancel();
        }
    }
    let _ = sink.close().await;
}
