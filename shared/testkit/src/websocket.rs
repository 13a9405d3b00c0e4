//! A websocket with JSON messages, for [`crate::Client`] and [`crate::JanusAdmin`].

use crate::wait::DEADLINE;
use common::transport::Transport;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The subprotocol of the Janus API.
pub(crate) const API: &str = "janus-protocol";
/// The subprotocol of the Admin API.
pub(crate) const ADMIN_API: &str = "janus-admin-protocol";

/// Small, because a test may have thousands of clients and the buffer is zeroed before each read. The default of
/// tungstenite is 128 KiB.
const READ_BUFFER: usize = 8 * 1024;

pub(crate) struct Websocket(WebSocketStream<Box<dyn Transport>>);

/// Returns the websocket settings of client and server.
pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(READ_BUFFER)
}

/// The next event of a websocket.
pub(crate) enum Incoming {
    Message(Value),
    /// The other end closed the connection, with this code, if any.
    Closed(Option<u16>),
    /// Nothing was received in time.
    Timeout,
}

impl Websocket {
    /// Connects with a subprotocol.
    pub(crate) async fn open(url: &str, protocol: &'static str) -> Result<Self, Error> {
        let address = url.into_client_request()?.uri().authority().cloned();
        let address = address.ok_or(Error::Url(UrlError::NoHostName))?;
        let stream = TcpStream::connect(address.as_str()).await?;
        stream.set_nodelay(true)?;
        Self::over(Box::new(stream), url, protocol).await
    }

    /// Performs the client handshake with a subprotocol over an open stream.
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

    /// Returns the next JSON message within [`DEADLINE`].
    pub(crate) async fn next(&mut self) -> Incoming {
        self.next_until(Instant::now() + DEADLINE).await
    }

    /// Returns the next JSON message. Answers pings meanwhile.
    pub(crate) async fn next_until(&mut self, deadline: Instant) -> Incoming {
        timeout_at(deadline, self.next_json()).await.unwrap_or(Incoming::Timeout)
    }

    async fn next_json(&mut self) -> Incoming {
        match self.next_text().await {
            Ok(text) => Incoming::Message(parse(&text)),
            Err(code) => Incoming::Closed(code),
        }
    }

    /// Returns the next text, or the code with which the other end closed the connection.
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

    /// Performs the closing handshake.
    pub(crate) async fn close(mut self) {
        if self.0.close(None).await.is_ok() {
            let _ = timeout_at(Instant::now() + DEADLINE, async { while self.next_text().await.is_ok() {} })
                .await;
        }
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("a message is not JSON ({error}): {text}"))
}
