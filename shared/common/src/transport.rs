//! The byte stream under a websocket: TCP, TLS, or a pipe within the process.

use tokio::io::{AsyncRead, AsyncWrite};

/// A bidirectional byte stream, usually as `Box<dyn Transport>`.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}
