//! Opens a websocket to Janus.

use super::endpoint::Endpoint;
use common::transport::Transport;
use std::io;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// The largest message accepted from Janus, in bytes.
const MAX_MESSAGE: usize = 4 << 20;
const READ_BUFFER: usize = 16 << 10;

pub type JanusSocket = WebSocketStream<Box<dyn Transport>>;

/// Why a link is down.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("no connection: {0}")]
    Unreachable(#[from] io::Error),
    #[error("websocket: {0}")]
    Socket(#[from] Box<tungstenite::Error>),
    #[error("not a websocket URL")]
    Url,
    #[error("Janus closed the connection")]
    Closed,
    #[error("Janus ended the session")]
    SessionEnded,
    #[error("Janus does not answer")]
    Unresponsive,
    /// The queue of requests is full.
    #[error("Janus does not read what it is sent")]
    Backpressure,
    #[error("Janus refused a session: {0}")]
    Refused(String),
}

pub async fn open_websocket(endpoint: &Endpoint) -> Result<JanusSocket, LinkError> {
    let request = ClientRequestBuilder::new(endpoint.url.parse().map_err(|_| LinkError::Url)?)
        .with_sub_protocol("janus-protocol");
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).max_message_size(Some(MAX_MESSAGE));
    let transport = endpoint.connect().await?;
    let opened = tokio_tungstenite::client_async_with_config(request, transport, Some(config)).await;
    let (socket, _) = opened.map_err(Box::new)?;
    Ok(socket)
}
