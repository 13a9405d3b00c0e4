//! A transport that knows how many bytes it has been rid of.
//!
//! What a websocket has been given to write may lie in its buffer; what is counted here is beyond recall.

use crate::net::transport::Transport;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A transport, and how many bytes it took.
pub struct CountingTransport {
    transport: Box<dyn Transport>,
    bytes_written: u64,
}

impl CountingTransport {
    /// Begins to count.
    pub fn new(transport: Box<dyn Transport>) -> Self {
        Self { transport, bytes_written: 0 }
    }

    /// How many bytes were taken from whoever writes.
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
        let written = std::task::ready!(Pin::new(&mut self.transport).poll_write(context, bytes))?;
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
