//! A transport that knows how many bytes it has been rid of.
//!
//! What a websocket has been given to write may lie in its buffer; what is counted here is beyond recall.

use crate::transport::Transport;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A transport, and how many bytes it took.
pub struct Counted {
    transport: Box<dyn Transport>,
    taken: u64,
}

impl Counted {
    /// Begins to count.
    pub fn over(transport: Box<dyn Transport>) -> Self {
        Self { transport, taken: 0 }
    }

    /// How many bytes were taken from whoever writes.
    pub fn taken(&self) -> u64 {
        self.taken
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.transport).poll_write(context, bytes))?;
        self.taken += written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}
