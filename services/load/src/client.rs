//! One client: a websocket, a session and a VideoCall handle on it.
//!
//! It says and hears, and sends keepalives while it hears; what follows from what is heard is for others.
//! Its buffers are small, for there may be tens of thousands of it; several requests that are said at once
//! are written at once. Every wait for the server ends after [`PATIENCE`].

use crate::door::Endpoint;
use crate::failed::CallError;
use crate::hearing::{self, Received, ServerEvent};
use crate::pause::jittered;
use crate::words::{MessageBuilder, Request};
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
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the server is told that a client is there, as janus.js does.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(25);
/// Bytes of a read, and of requests that are written together.
const BUFFER_SIZE: usize = 4 * 1024;
/// Bytes that may wait for a server that does not read.
const MAX_WRITE_BUFFER: usize = 256 * 1024;

/// A client that is connected.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    keepalive: Interval,
    pub messages: MessageBuilder,
}

impl Client {
    /// Connects; there is no session yet.
    pub async fn connect(door: &Endpoint, access: Arc<str>) -> Result<Self, CallError> {
        let socket = timeout(RESPONSE_TIMEOUT, open(door)).await;
        let socket = socket.unwrap_or_else(|_| Err(Error::Io(io::ErrorKind::TimedOut.into())));
        let socket = socket.map_err(|error| CallError::NoConnection(reason(&error)))?;
        let mut keepalive = interval_at(Instant::now() + jittered(KEEPALIVE_INTERVAL), KEEPALIVE_INTERVAL);
        keepalive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { socket, keepalive, messages: MessageBuilder::new(access) })
    }

    /// Begins a session, attaches a handle and takes a name.
    pub async fn register(&mut self, name: &str) -> Result<(), CallError> {
        let create = self.messages.simple(Request::Create);
        self.messages.session = self.request(Request::Create, create).await?;
        let attach = self.messages.attach();
        self.messages.handle = self.request(Request::Attach, attach).await?;
        let register = self.messages.register(name);
        self.request(Request::Register, register).await.map(drop)
    }

    /// Takes over a session that it had on another websocket.
    pub async fn claim(&mut self, session: u64, handle: u64) -> Result<(), CallError> {
        (self.messages.session, self.messages.handle) = (session, handle);
        let claim = self.messages.simple(Request::Claim);
        self.request(Request::Claim, claim).await.map(drop)
    }

    /// Ends the session, and waits until the server has done it.
    pub async fn leave(&mut self) {
        let destroy = self.messages.simple(Request::Destroy);
        let _ = self.request(Request::Destroy, destroy).await;
        let _ = self.socket.close(None).await;
    }

    /// Asks and waits until it is done; returns the id that the server gave, if it gave one.
    async fn request(&mut self, ask: Request, request: String) -> Result<u64, CallError> {
        let (number, deadline) = (self.messages.next_number() - 1, Instant::now() + RESPONSE_TIMEOUT);
        let answered = async {
            self.send([request]).await?;
            loop {
                let heard = self.recv().await?;
                match (heard.in_reply_to == Some((ask, number)), heard.event) {
                    (true, ServerEvent::Done(id)) => return Ok(id),
                    (true, ServerEvent::Registered) => return Ok(0),
                    (true, ServerEvent::Refused(code)) => return Err(CallError::Refused(ask, code)),
                    (_, ServerEvent::TimedOut) => return Err(CallError::TimedOut),
                    _ => {}
                }
            }
        };
        timeout_at(deadline, answered).await.unwrap_or(Err(CallError::NoAnswer(ask)))
    }

    /// Sends requests.
    pub async fn send(&mut self, requests: impl IntoIterator<Item = String>) -> Result<(), CallError> {
        for request in requests {
            self.socket.feed(Message::text(request)).await.map_err(|_| CallError::Lost)?;
        }
        self.socket.flush().await.map_err(|_| CallError::Lost)
    }

    /// What comes next. Safe to cancel.
    pub async fn recv(&mut self) -> Result<Received, CallError> {
        loop {
            tokio::select! {
                biased;
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => return Ok(hearing::parse(&text)),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(CallError::Lost),
                    Some(Ok(_)) => {}
                },
                _ = self.keepalive.tick() => {
                    // Before it has a session it is in the middle of a request anyway.
                    if self.messages.session != 0 {
                        let keepalive = self.messages.simple(Request::Keepalive);
                        self.send([keepalive]).await?;
                    }
                }
            }
        }
    }
}

async fn open(door: &Endpoint) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(door.address()).await?;
    stream.set_nodelay(true)?;
    let mut request = door.url().into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("janus-protocol"));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_SIZE)
        .write_buffer_size(BUFFER_SIZE)
        .max_write_buffer_size(MAX_WRITE_BUFFER);
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
