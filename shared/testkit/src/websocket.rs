//! A websocket of JSON messages, as Janus speaks it: what [`crate::Client`] and [`crate::JanusAdmin`] share.

use crate::wait::DEADLINE;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Subprotocol of the Janus API.
pub(crate) const API: &str = "janus-protocol";
/// Subprotocol of the Admin API.
pub(crate) const ADMIN_API: &str = "janus-admin-protocol";

/// Small, so that a test can afford thousands of clients, and since it is filled with zeros before each
/// read; tungstenite's default is 128 KiB.
const READ_BUFFER: usize = 8 * 1024;

/// What a websocket can be spoken over.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

pub(crate) struct Websocket(WebSocketStream<Box<dyn Transport>>);

/// How a websocket is spoken, at either end.
pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(READ_BUFFER)
}

/// What came next on a websocket.
pub(crate) enum Incoming {
    Message(Value),
    /// The other end closed, with this close code if it gave one.
    Closed(Option<u16>),
    /// Nothing in time.
    Timeout,
}

impl Websocket {
    /// Connects and agrees on `protocol`.
    pub(crate) async fn open(url: &str, protocol: &'static str) -> Result<Self, Error> {
        let address = url.into_client_request()?.uri().authority().cloned();
        let address = address.ok_or(Error::Url(UrlError::NoHostName))?;
        let stream = TcpStream::connect(address.as_str()).await?;
        stream.set_nodelay(true)?;
        Self::over(Box::new(stream), url, protocol).await
    }

    /// Agrees on `protocol` with whoever is at the other end.
    pub(crate) async fn over(
        stream: Box<dyn Transport>,
        url: &str,
        protocol: &'static str,
    ) -> Result<Self, Error> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
        let (socket, _) = Box::pin(client_async_with_config(request, stream, Some(config()))).await?;
        Ok(Self(socket))
    }

    pub(crate) async fn send(&mut self, text: String) -> Result<(), Error> {
        self.0.send(Message::text(text)).await
    }

    /// The next JSON message within [`DEADLINE`].
    pub(crate) async fn next(&mut self) -> Incoming {
        self.next_until(Instant::now() + DEADLINE).await
    }

    /// The next JSON message. Pings of the other end are answered on the way.
    pub(crate) async fn next_until(&mut self, deadline: Instant) -> Incoming {
        timeout_at(deadline, self.next_json()).await.unwrap_or(Incoming::Timeout)
    }

    async fn next_json(&mut self) -> Incoming {
        match self.next_text().await {
            Ok(text) => Incoming::Message(parse(&text)),
            Err(code) => Incoming::Closed(code),
        }
    }

    /// The next text as it came, or the code with which the other end closed.
    pub(crate) async fn next_text(&mut self) -> Result<String, Option<u16>> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|f| f.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Closes in order and waits for the other end to agree.
    pub(crate) async fn close(mut self) {
        if self.0.close(None).await.is_ok() {
            let _ = timeout_at(Instant::now() + DEADLINE, async { while self.next_text().await.is_ok() {} })
                .await;
        }
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("a message that is no JSON ({error}): {text}"))
}
