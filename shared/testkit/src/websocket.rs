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
use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};
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
                Some(Ok(Message::Close(frame))) => {
                    // This writes the answer.
                    let _ = timeout_at(Instant::now() + DEADLINE, self.0.flush()).await;
                    return Err(frame.map(|f| f.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Waits for the other end's close frame, with its code, if any. Returns none if the connection ends without one.
    pub(crate) async fn close_code(&mut self) -> Option<Option<u16>> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Close(frame))) => return Some(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Performs the closing handshake.
    pub(crate) async fn close(mut self) {
        self.close_with(None).await;
        let _ =
            timeout_at(Instant::now() + DEADLINE, async { while let Some(Ok(_)) = self.0.next().await {} })
                .await;
    }

    /// Sends a close frame with this code and reason. Returns false if the websocket is closed.
    pub(crate) async fn close_with(&mut self, code: Option<(u16, &str)>) -> bool {
        let frame = code.map(|(code, reason)| CloseFrame { code: code.into(), reason: reason.into() });
        self.0.close(frame).await.is_ok()
    }

    /// Sends one masked frame. The first byte has the flags and the opcode.
    pub(crate) async fn send_frame(&mut self, first: u8, payload: Vec<u8>) -> bool {
        let header = FrameHeader {
            is_final: first & 0x80 != 0,
            rsv1: first & 0x40 != 0,
            rsv2: first & 0x20 != 0,
            rsv3: first & 0x10 != 0,
            opcode: OpCode::from(first & 0x0f),
            mask: Some([1, 2, 3, 4]),
        };
        self.0.send(Message::Frame(Frame::from_payload(header, payload.into()))).await.is_ok()
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("a message is not JSON ({error}): {text}"))
}
