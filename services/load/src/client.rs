//! One client: a websocket, a session and a VideoCall handle on it.
//!
//! It says and hears, and sends keepalives while it hears; what follows from what is heard is for others.
//! Its buffers are small, for there may be tens of thousands of it; several requests that are said at once
//! are written at once. Every wait for the server ends after [`PATIENCE`].

use crate::door::Door;
use crate::failed::Failed;
use crate::hearing::{self, Heard, Word};
use crate::pause::by_chance;
use crate::words::{Ask, Words};
use futures_util::{SinkExt, StreamExt};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How long an answer may take before it counts as none.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How often the server is told that a client is there, as janus.js does.
const KEEPALIVE: Duration = Duration::from_secs(25);
/// Bytes of a read, and of requests that are written together.
const BUFFER: usize = 4 * 1024;
/// Bytes that may wait for a server that does not read.
const MOST_UNREAD: usize = 256 * 1024;

/// A client that is connected.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    keepalive: Interval,
    pub words: Words,
}

impl Client {
    /// Connects; there is no session yet.
    pub async fn connect(door: &Door, access: Arc<str>) -> Result<Self, Failed> {
        let socket = timeout(PATIENCE, open(door)).await;
        let socket = socket.unwrap_or_else(|_| Err(Error::Io(io::ErrorKind::TimedOut.into())));
        let socket = socket.map_err(|error| Failed::NoConnection(reason(&error)))?;
        let mut keepalive = interval_at(Instant::now() + by_chance(KEEPALIVE), KEEPALIVE);
        keepalive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { socket, keepalive, words: Words::new(access) })
    }

    /// Begins a session, attaches a handle and takes a name.
    pub async fn register(&mut self, name: &str) -> Result<(), Failed> {
        let create = self.words.bare(Ask::Create);
        self.words.session = self.ask(Ask::Create, create).await?;
        let attach = self.words.attach();
        self.words.handle = self.ask(Ask::Attach, attach).await?;
        let register = self.words.register(name);
        self.ask(Ask::Register, register).await.map(drop)
    }

    /// Takes over a session that it had on another websocket.
    pub async fn claim(&mut self, session: u64, handle: u64) -> Result<(), Failed> {
        (self.words.session, self.words.handle) = (session, handle);
        let claim = self.words.bare(Ask::Claim);
        self.ask(Ask::Claim, claim).await.map(drop)
    }

    /// Ends the session, and waits until the server has done it.
    pub async fn leave(&mut self) {
        let destroy = self.words.bare(Ask::Destroy);
        let _ = self.ask(Ask::Destroy, destroy).await;
        let _ = self.socket.close(None).await;
    }

    /// Asks and waits until it is done; returns the id that the server gave, if it gave one.
    async fn ask(&mut self, ask: Ask, request: String) -> Result<u64, Failed> {
        let (number, deadline) = (self.words.next_number() - 1, Instant::now() + PATIENCE);
        let answered = async {
            self.say([request]).await?;
            loop {
                let heard = self.hear().await?;
                match (heard.to == Some((ask, number)), heard.word) {
                    (true, Word::Done(id)) => return Ok(id),
                    (true, Word::Registered) => return Ok(0),
                    (true, Word::Refused(code)) => return Err(Failed::Refused(ask, code)),
                    (_, Word::TimedOut) => return Err(Failed::TimedOut),
                    _ => {}
                }
            }
        };
        timeout_at(deadline, answered).await.unwrap_or(Err(Failed::NoAnswer(ask)))
    }

    /// Sends requests.
    pub async fn say(&mut self, requests: impl IntoIterator<Item = String>) -> Result<(), Failed> {
        for request in requests {
            self.socket.feed(Message::text(request)).await.map_err(|_| Failed::Lost)?;
        }
        self.socket.flush().await.map_err(|_| Failed::Lost)
    }

    /// What comes next. Safe to cancel.
    pub async fn hear(&mut self) -> Result<Heard, Failed> {
        loop {
            tokio::select! {
                biased;
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => return Ok(hearing::read(&text)),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Failed::Lost),
                    Some(Ok(_)) => {}
                },
                _ = self.keepalive.tick() => {
                    // Before it has a session it is in the middle of a request anyway.
                    if self.words.session != 0 {
                        let keepalive = self.words.bare(Ask::Keepalive);
                        self.say([keepalive]).await?;
                    }
                }
            }
        }
    }
}

async fn open(door: &Door) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(door.address()).await?;
    stream.set_nodelay(true)?;
    let mut request = door.url().into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("janus-protocol"));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(MOST_UNREAD);
    let (socket, _) = Box::pin(client_async_with_config(request, stream, Some(config))).await?;
    Ok(socket)
}

/// In few words, for many of one kind are to be one kind.
fn reason(error: &Error) -> String {
    match error {
        Error::Io(error) => error.kind().to_string(),
        Error::Http(response) => format!("HTTP status {}", response.status().as_u16()),
        other => other.to_string(),
    }
}
