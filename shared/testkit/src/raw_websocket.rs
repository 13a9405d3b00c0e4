//! A websocket of the Janus API with nothing on top: texts in, texts out, as they are.
//!
//! [`crate::Client`] reads what it hears as JSON and forgets in which order the keys of an object came.
//! Who must know that, or sends what no client would, takes this.

use crate::websocket::{API, Transport, Websocket};
use tokio::time::{Instant, timeout_at};

/// A connection; dropping it lets go of the socket without a word.
pub struct RawWebsocket(Websocket);

/// What came next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A text, whole.
    Text(String),
    /// The other end closed.
    Closed,
    /// Nothing in time.
    Timeout,
}

impl RawWebsocket {
    /// Connects, as the API's subprotocol asks; why not is a text.
    pub async fn open(url: &str) -> Result<Self, String> {
        Websocket::open(url, API).await.map(Self).map_err(|error| format!("no Janus API at {url}: {error}"))
    }

    /// The same over a stream that is there already.
    pub async fn over(stream: Box<dyn Transport>) -> Result<Self, String> {
        Websocket::over(stream, "ws://memory", API).await.map(Self).map_err(|error| error.to_string())
    }

    /// Sends a text; whether the socket took it.
    pub async fn send(&mut self, text: String) -> bool {
        self.0.send(text).await.is_ok()
    }

    /// The next text until `deadline`. What was read of a text that is not whole yet is kept.
    pub async fn next_until(&mut self, deadline: Instant) -> Received {
        match timeout_at(deadline, self.0.next_text()).await {
            Ok(Ok(text)) => Received::Text(text),
            Ok(Err(_)) => Received::Closed,
            Err(_) => Received::Timeout,
        }
    }

    /// Says goodbye and waits for the other end to agree.
    pub async fn close(self) {
        self.0.close().await;
    }
}
