//! A websocket of the Janus API that exchanges texts unchanged.
//!
//! Unlike [`crate::Client`], which parses messages, it preserves the order of keys, and it can send malformed
//! texts.

use crate::websocket::{API, Websocket};
use common::transport::Transport;
use tokio::time::{Instant, timeout_at};

/// A connection. Dropping it skips the closing handshake.
pub struct RawWebsocket(Websocket);

/// The next event of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A whole text.
    Text(String),
    /// The other end closed the connection.
    Closed,
    /// Nothing was received in time.
    Timeout,
}

/// How the other end has closed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// With a close frame with this code.
    WithCode(u16),
    /// With an empty close frame.
    WithoutCode,
    /// The connection ended without a close frame.
    WithoutFrame,
    /// It was not closed in time.
    Timeout,
}

impl RawWebsocket {
    /// Connects with the subprotocol of the Janus API.
    pub async fn open(url: &str) -> Result<Self, String> {
        Websocket::open(url, API).await.map(Self).map_err(|error| format!("no Janus API at {url}: {error}"))
    }

    /// Performs the client handshake over an open stream.
    pub async fn over(stream: Box<dyn Transport>) -> Result<Self, String> {
        Websocket::over(stream, "ws://memory", API).await.map(Self).map_err(|error| error.to_string())
    }

    /// Sends a text; returns false when the connection is closed.
    pub async fn send(&mut self, text: String) -> bool {
        self.0.send(text).await.is_ok()
    }

    /// Returns the next text until `deadline`. Keeps a partially received text for the next call.
    pub async fn next_until(&mut self, deadline: Instant) -> Received {
        match timeout_at(deadline, self.0.next_text()).await {
            Ok(Ok(text)) => Received::Text(text),
            Ok(Err(_)) => Received::Closed,
            Err(_) => Received::Timeout,
        }
    }

    /// Sends a close frame with this code and reason, whatever the code. Returns false if the connection is closed.
    pub async fn send_close(&mut self, code: Option<(u16, &str)>) -> bool {
        self.0.close_with(code).await
    }

    /// Sends one masked frame, valid or not. Its first byte has the flags and the opcode.
    pub async fn send_frame(&mut self, first: u8, payload: Vec<u8>) -> bool {
        self.0.send_frame(first, payload).await
    }

    /// Waits until the other end closes the connection, or until `deadline`. Drops texts that come before that.
    pub async fn close_code(&mut self, deadline: Instant) -> Closed {
        timeout_at(deadline, self.0.close_code()).await.map_or(Closed::Timeout, |frame| match frame {
            Some(Some(code)) => Closed::WithCode(code),
            Some(None) => Closed::WithoutCode,
            None => Closed::WithoutFrame,
        })
    }

    /// Performs the closing handshake.
    pub async fn close(self) {
        self.0.close().await;
    }
}
