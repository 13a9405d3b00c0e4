//! Where a Janus server is, and the credentials it requires.

use crate::options::Credentials;
use common::transport::Transport;
use futures_util::future::BoxFuture;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;

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
