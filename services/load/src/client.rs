//! One client: a websocket, a session and a VideoCall handle on it.
//!
//! It sends requests and receives messages, and sends keepalives while it receives. Its buffers are small, because there
//! may be tens of thousands of clients. Requests that are sent together are written together. Every wait for the server
//! ends after [`RESPONSE_TIMEOUT`]. Each client needs an open file, so [`raise_file_limit`] raises the limit of these.

use crate::endpoint::Endpoint;
use crate::error::CallError;
use crate::messages::{MessageBuilder, Request};
use crate::parse::{self, Received, ServerEvent};
use common::time::{Backoff, jitter};
use futures_util::{SinkExt, StreamExt};
use service::open_files;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The time for a reply.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for the server to close its side of a websocket.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The time between keepalives, as in janus.js.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(25);
/// Bytes of one read, and of requests that are written together.
const BUFFER_SIZE: usize = 4 * 1024;
/// Bytes that may wait for a slow server.
const MAX_WRITE_BUFFER: usize = 256 * 1024;
/// Open files for everything but clients.
const RESERVED_FILES: u64 = 64;

const MIN_CONNECT_DELAY: Duration = Duration::from_millis(200);
const MAX_CONNECT_DELAY: Duration = Duration::from_secs(4);

/// The delays between attempts to connect.
pub struct ConnectBackoff(Backoff);

impl Default for ConnectBackoff {
    fn default() -> Self {
        Self(Backoff::new(MIN_CONNECT_DELAY, MAX_CONNECT_DELAY))
    }
}

impl ConnectBackoff {
    /// Waits before the next attempt, with jitter, so that clients that were lost together do not reconnect together.
    pub async fn wait(&mut self) {
        sleep(jitter(self.0.next_delay())).await;
    }
}

/// A connected client.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    keepalive: Interval,
    pub messages: MessageBuilder,
}

impl Client {
    /// Opens the websocket, without a session.
    pub async fn connect(endpoint: &Endpoint, credentials: Arc<str>) -> Result<Self, CallError> {
        let socket = timeout(RESPONSE_TIMEOUT, open(endpoint)).await;
        let socket = socket.unwrap_or_else(|_| Err(Error::Io(io::ErrorKind::TimedOut.into())));
        let socket = socket.map_err(|error| CallError::NoConnection(reason(&error)))?;
        let mut keepalive = interval_at(Instant::now() + jitter(KEEPALIVE_INTERVAL), KEEPALIVE_INTERVAL);
        keepalive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { socket, keepalive, messages: MessageBuilder::new(credentials) })
    }

    /// Creates a session, attaches a handle and registers a name.
    pub async fn register(&mut self, name: &str) -> Result<(), CallError> {
        let create = self.messages.simple(Request::Create);
        self.messages.session = self.request(Request::Create, create).await?;
        let attach = self.messages.attach();
        self.messages.handle = self.request(Request::Attach, attach).await?;
        let register = self.messages.register(name);
        self.request(Request::Register, register).await.map(drop)
    }

    /// Claims a session of another websocket.
    pub async fn claim(&mut self, session: u64, handle: u64) -> Result<(), CallError> {
        (self.messages.session, self.messages.handle) = (session, handle);
        let claim = self.messages.simple(Request::Claim);
        self.request(Request::Claim, claim).await.map(drop)
    }

    /// Destroys the session, waits for the reply, and closes the websocket.
    pub async fn leave(&mut self) {
        let destroy = self.messages.simple(Request::Destroy);
        let _ = self.request(Request::Destroy, destroy).await;
        self.close().await;
    }

    /// Exchanges close frames, and waits until the server has closed TCP.
    async fn close(&mut self) {
        let closed = async {
            // It fails if the server has closed already. Its close frame is answered when it is read.
            let _ = self.socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() })).await;
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        let _ = timeout(CLOSE_TIMEOUT, closed).await;
    }

    /// Sends a request and waits for its final reply. Returns the new id, or 0.
    async fn request(&mut self, kind: Request, request: String) -> Result<u64, CallError> {
        let (number, deadline) = (self.messages.next_number() - 1, Instant::now() + RESPONSE_TIMEOUT);
        let reply = async {
            self.send([request]).await?;
            loop {
                let received = self.recv().await?;
                match (received.in_reply_to == Some((kind, number)), received.event) {
                    (true, ServerEvent::Done(id)) => return Ok(id),
                    (true, ServerEvent::Registered) => return Ok(0),
                    (true, ServerEvent::Refused(code)) => return Err(CallError::Refused(kind, code)),
                    (_, ServerEvent::TimedOut) => return Err(CallError::TimedOut),
                    _ => {}
                }
            }
        };
        timeout_at(deadline, reply).await.unwrap_or(Err(CallError::NoAnswer(kind)))
    }

    pub async fn send(&mut self, requests: impl IntoIterator<Item = String>) -> Result<(), CallError> {
        for request in requests {
            self.socket.feed(Message::text(request)).await.map_err(|_| CallError::Lost)?;
        }
        self.socket.flush().await.map_err(|_| CallError::Lost)
    }

    /// Receives the next message. Safe to cancel.
    pub async fn recv(&mut self) -> Result<Received, CallError> {
        loop {
            tokio::select! {
                biased;
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => return Ok(parse::parse(&text)),
                    Some(Ok(Message::Close(_))) => {
                        // This writes the answer.
                        let _ = timeout(CLOSE_TIMEOUT, self.socket.flush()).await;
                        return Err(CallError::Lost);
                    }
                    Some(Err(_)) | None => return Err(CallError::Lost),
                    Some(Ok(_)) => {}
                },
                _ = self.keepalive.tick() => {
                    // There is no session before the reply to `create`.
                    if self.messages.session != 0 {
                        let keepalive = self.messages.simple(Request::Keepalive);
                        self.send([keepalive]).await?;
                    }
                }
            }
        }
    }
}

async fn open(endpoint: &Endpoint) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(endpoint.address()).await?;
    stream.set_nodelay(true)?;
    let mut request = endpoint.url().into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("janus-protocol"));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_SIZE)
        .write_buffer_size(BUFFER_SIZE)
        .max_write_buffer_size(MAX_WRITE_BUFFER);
    let (socket, _) = Box::pin(client_async_with_config(request, stream, Some(config))).await?;
    Ok(socket)
}

/// The short text of an error, so that errors of one kind are counted together.
fn reason(error: &Error) -> String {
    match error {
        Error::Io(error) => error.kind().to_string(),
        Error::Http(response) => format!("HTTP status {}", response.status().as_u16()),
        other => other.to_string(),
    }
}

/// Raises the limit of open files for this many clients, as far as the system allows.
pub fn raise_file_limit(clients: usize) -> Result<(), crate::Error> {
    let needed = clients as u64 + RESERVED_FILES;
    match open_files::raise_limit() {
        Some(allowed) if allowed < needed => Err(crate::Error::Files { clients, needed, allowed }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_clients_than_files_are_refused() {
        raise_file_limit(10).unwrap();
        if let Some(most) = open_files::limit() {
            let error = raise_file_limit(usize::try_from(most).unwrap()).unwrap_err().to_string();
            assert!(error.contains("ulimit -n"), "{error}");
        }
    }
}
