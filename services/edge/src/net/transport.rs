//! The byte stream under a websocket: plain TCP or TLS, with a count of the bytes written to it.

use common::transport::Transport;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// Prepares an accepted connection, with TLS if there is an acceptor.
///
/// # Errors
/// When the connection breaks, or the client does not speak TLS where it must.
pub async fn open(stream: TcpStream, tls: Option<&TlsAcceptor>) -> io::Result<Box<dyn Transport>> {
    // With Nagle's algorithm an event waits up to 40 ms for the acknowledgement of the previous one.
    stream.set_nodelay(true)?;
    match tls {
        None => Ok(Box::new(stream)),
        Some(tls) => Ok(Box::new(tls.accept(stream).await?)),
    }
}

/// A transport that counts the bytes it has taken. A websocket may still buffer what it was given to write; the bytes
/// counted here cannot be taken back.
pub struct CountingTransport {
    transport: Box<dyn Transport>,
    bytes_written: u64,
}

impl CountingTransport {
    pub fn new(transport: Box<dyn Transport>) -> Self {
        Self { transport, bytes_written: 0 }
    }

    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }
}

impl AsyncRead for CountingTransport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_read(context, buffer)
    }
}

impl AsyncWrite for CountingTransport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.transport).poll_write(context, bytes))?;
        self.bytes_written += written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}
