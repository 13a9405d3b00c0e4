//! Talking to one Janus server over a websocket.
//!
//! | file | holds |
//! |---|---|
//! | [`site`] | where it is, and the way to it |
//! | [`message`] | what it says and is told |
//! | [`opening`] | a new session on a new websocket, and the claim of old ones |
//! | [`link`] | the websocket while it is up |
//! | [`writer`] | what is written on it, and when |
//!
//! It is there or it is not: when anything about it fails (the socket breaks, Janus is silent for
//! too long, does not read, or ends the newest session), it is [`Down`], and a new one is opened.

pub mod link;
pub mod message;
pub mod opening;
pub mod site;
pub mod writer;

use site::{Endpoint, Transport};
use std::io;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// The largest message taken from Janus, in bytes.
const MAX_MESSAGE: usize = 4 << 20;

/// A websocket to Janus.
pub(crate) type Stream = WebSocketStream<Box<dyn Transport>>;

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
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
    /// Janus ended the session.
    #[error("Janus ended the session")]
    SessionEnded,
    /// Janus does not answer.
    #[error("Janus does not answer")]
    Unresponsive,
    /// Janus does not read.
    #[error("Janus does not read what it is sent")]
    Backpressure,
    /// Janus refused a session.
    #[error("Janus refused a session: {0}")]
    Refused(String),
}

/// Opens a websocket.
pub(crate) async fn open_websocket(site: &Endpoint) -> Result<Stream, LinkError> {
    let request = ClientRequestBuilder::new(site.url.parse().map_err(|_| LinkError::Url)?);
    let request = request.with_sub_protocol("janus-protocol");
    let config = WebSocketConfig::default().read_buffer_size(16 * 1024).max_message_size(Some(MAX_MESSAGE));
    let transport = site.connect().await?;
    let opening = tokio_tungstenite::client_async_with_config(request, transport, Some(config));
    let (stream, _) = opening.await.map_err(Box::new)?;
    Ok(stream)
}
