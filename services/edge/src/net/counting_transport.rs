//! A transport that counts the bytes that are written to it, and follows the frames that are read from it.

use super::frame_meter::{FrameFault, FrameMeter};
use crate::client_memory::MemoryShare;
use common::transport::Transport;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, empty};
use tokio::time::Instant;

/// Frames that are read before they count against the rate. The websocket reads on inside a message by itself.
const MAX_UNCOUNTED: usize = 64;

/// The byte stream under a websocket. The websocket may still buffer what it was given to write; the bytes counted here
/// cannot be taken back.
pub struct CountingTransport {
    transport: Box<dyn Transport>,
    /// What was read behind the request that opened the websocket.
    early: Vec<u8>,
    bytes_written: u64,
    pub meter: FrameMeter,
    fault: Option<FrameFault>,
}

impl CountingTransport {
    /// A transport. `early` was read from it before.
    pub fn new(transport: Box<dyn Transport>, early: Vec<u8>, meter: FrameMeter) -> Self {
        Self { transport, early, bytes_written: 0, meter, fault: None }
    }

    /// Returns the transport, and leaves one that has ended.
    pub fn take(&mut self, memory: MemoryShare) -> Self {
        std::mem::replace(self, Self::new(Box::new(empty()), Vec::new(), FrameMeter::new(0, memory)))
    }

    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    pub fn into_inner(self) -> Box<dyn Transport> {
        self.transport
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.transport).poll_read(context, buffer);
        }
        let length = self.early.len().min(buffer.remaining());
        buffer.put_slice(&self.early[..length]);
        self.early.drain(..length);
        if self.early.is_empty() {
            self.early = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for CountingTransport {
    /// Reads up to the first frame with a fault. With [`MAX_UNCOUNTED`] frames it is pending until they count, and then
    /// has to be polled again.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.fault.is_none() {
            if self.meter.uncounted() >= MAX_UNCOUNTED {
                return Poll::Pending;
            }
            let before = buffer.filled().len();
            ready!(self.poll_bytes(context, buffer))?;
            let (length, fault) = self.meter.follow(&buffer.filled()[before..], Instant::now());
            buffer.set_filled(before + length);
            self.fault = fault;
            if length > 0 || fault.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
        let fault = self.fault.unwrap_or(FrameFault::Invalid);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)))
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
