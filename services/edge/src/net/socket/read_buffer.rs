//! The read buffer of a websocket: small, because most connections are idle, and given back after a large message.

use super::{MAX_QUEUED_BYTES, OVERSIZE_FACTOR, Socket, WRITE_CHUNK, WebsocketStream};
use crate::net::counting_transport::CountingTransport;
use crate::options::SocketOptions;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// The initial read buffer in bytes; it grows when the client sends more.
const READ_BUFFER: usize = 1024;
/// A read buffer that has grown beyond this is given back, in bytes.
const KEPT_READ_BUFFER: u64 = 16 * 1024;
/// A websocket with small buffers, because most connections are idle.
pub(super) async fn open_stream(transport: CountingTransport, options: &SocketOptions) -> WebsocketStream {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_CHUNK)
        .max_write_buffer_size(2 * MAX_QUEUED_BYTES)
        .max_message_size(Some(OVERSIZE_FACTOR * options.max_request))
        .max_frame_size(Some(OVERSIZE_FACTOR * options.max_request));
    WebsocketStream::from_raw_socket(transport, Role::Server, Some(config)).await
}

impl Socket {
    /// Whether a large message has left a large read buffer, and nothing is in it or waits to be written.
    pub(super) fn has_spare_buffer(&self) -> bool {
        let meter = &self.stream.get_ref().meter;
        let is_quiet = !self.is_unflushed && self.buffered.is_empty() && self.closing.is_none();
        meter.largest() > KEPT_READ_BUFFER && meter.is_drained() && is_quiet
    }

    /// Replaces the websocket by one with a small buffer. Nothing here waits, so nothing is lost when it is cancelled.
    pub(super) async fn release_read_buffer(&mut self) {
        let mut transport = self.stream.get_mut().take(self.memory.memory().share());
        transport.meter.forget_largest();
        self.stream = open_stream(transport, &self.options).await;
    }
}
