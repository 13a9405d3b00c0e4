//! The bytes under a websocket: plain, or behind TLS.

use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// A connection to a client.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Begins to speak with a client that has connected.
///
/// # Errors
/// When the connection breaks, or the client does not speak TLS where it should.
pub async fn open(stream: TcpStream, tls: Option<&TlsAcceptor>) -> io::Result<Box<dyn Transport>> {
    // Without it an event waits up to 40 ms for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    match tls {
        None => Ok(Box::new(stream)),
        Some(tls) => Ok(Box::new(tls.accept(stream).await?)),
    }
}
