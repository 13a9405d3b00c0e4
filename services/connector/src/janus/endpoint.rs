//! Where a Janus server is, the credentials it requires, and how a websocket to it is opened and closed.

use crate::options::Credentials;
use common::transport::Transport;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, coding::CloseCode};
use tokio_tungstenite::{WebSocketStream, tungstenite};

/// The largest message accepted from Janus, in bytes.
const MAX_MESSAGE: usize = 4 << 20;
const READ_BUFFER: usize = 16 << 10;
/// Bytes of one read of what is discarded.
const DISCARD_BUFFER: usize = 1024;
/// How long Janus may take to read the last requests and to close its side, before the connection is dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

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
    /// Too many messages came before the reply to a request of the handshake.
    #[error("Janus sends too much before it answers")]
    Flooded,
    #[error("Janus refused a session: {0}")]
    Refused(String),
}

impl LinkError {
    /// The code of the close frame that tells Janus about this error.
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::Socket(error) => match &**error {
                tungstenite::Error::Protocol(_) => CloseCode::Protocol,
                tungstenite::Error::Utf8(_) => CloseCode::Invalid,
                tungstenite::Error::Capacity(_) => CloseCode::Size,
                _ => CloseCode::Away,
            },
            _ => CloseCode::Away,
        }
    }
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

/// When a websocket is dropped that begins to close now.
pub fn close_deadline() -> Instant {
    Instant::now() + CLOSE_TIMEOUT
}

/// Closes a websocket: exchanges close frames with Janus, and waits until Janus has closed TCP, at most until
/// `deadline`. Janus keeps the sessions on it for its `reclaim_session_timeout`, as after a broken connection.
pub async fn close_websocket(mut socket: JanusSocket, code: CloseCode, deadline: Instant) {
    let closed = async {
        // It fails if Janus has sent its close frame already. The websocket answers that when it is read.
        let _ = socket.close(Some(CloseFrame { code, reason: Default::default() })).await;
        while let Some(Ok(_)) = socket.next().await {}
        let mut transport = socket.into_inner();
        transport.shutdown().await?;
        // A connection that is closed with unread input is reset, and Janus may lose the close frame.
        let mut discarded = vec![0; DISCARD_BUFFER];
        while transport.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    };
    // An error means that Janus has closed, too.
    let _ = timeout_at(deadline, closed).await;
}
