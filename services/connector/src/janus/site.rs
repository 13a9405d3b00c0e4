//! Where a Janus server is, the way to it, and what it wants to be shown.

use crate::options::Credentials;
use futures_util::future::BoxFuture;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream of bytes to a Janus server and back.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Opens a stream of bytes to `HOST:PORT`.
pub type Dialler = Arc<dyn Fn(&str) -> BoxFuture<'static, io::Result<Box<dyn Transport>>> + Send + Sync>;

/// The network. What is said on it leaves at once.
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

/// One Janus server, as whoever wants to talk to it must know it.
#[derive(Clone)]
pub struct Endpoint {
    /// Its websocket URL.
    pub url: String,
    /// What it wants to be shown.
    pub credentials: Credentials,
    /// The way to it.
    pub dialler: Dialler,
}

impl Endpoint {
    /// A stream of bytes to it.
    ///
    /// # Errors
    /// When the URL is none, or there is no way to it.
    pub async fn connect(&self) -> io::Result<Box<dyn Transport>> {
        let rest = self.url.strip_prefix("ws://").ok_or(io::ErrorKind::InvalidInput)?;
        let authority = rest.split('/').next().unwrap_or_default();
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        (self.dialler)(&address).await
    }
}
