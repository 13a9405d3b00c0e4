//! Where a Janus server is, the credentials it requires, and how a websocket to it is opened.

use crate::options::Credentials;
use common::transport::Transport;
use futures_util::future::BoxFuture;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, tungstenite};

/// The largest message accepted from Janus, in bytes.
const MAX_MESSAGE: usize = 4 << 20;
const READ_BUFFER: usize = 16 << 10;

pub type JanusSocket = WebSocketStream<Box<dyn Transport>>;

/// Opens a byte stream to `HOST:PORT`. Tests replace the network by it.
pub type Dialler = Arc<dyn Fn(&str) -> BoxFuture<'static, io::Result<Box<dyn Transport>>> + Send + Sync>;

/// Returns a dialler for TCP, with Nagle's algorithm disabled.
pub fn tcp() -> Dialler {
    Arc::new(|address| {
        let address = address.to_owned();
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Transport>)
        })
    })
}

/// One Janus server.
#[derive(Clone)]
pub struct Endpoint {
    /// The websocket URL.
    pub url: String,
    pub credentials: Credentials,
    pub dialler: Dialler,
}

impl Endpoint {
    /// Opens a byte stream to the host and port of the URL.
    ///
    /// # Errors
    /// When the URL is invalid or the server cannot be reached.
    pub async fn connect(&self) -> io::Result<Box<dyn Transport>> {
        let rest = self.url.strip_prefix("ws://").ok_or(io::ErrorKind::InvalidInput)?;
        let authority = rest.split('/').next().unwrap_or_default();
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        (self.dialler)(&address).await
    }
}

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
