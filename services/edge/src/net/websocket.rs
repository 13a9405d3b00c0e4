//! How a websocket of the library is set up: with small buffers, because most connections are idle.

use super::counting_transport::CountingTransport;
use crate::options::SocketOptions;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Bytes that may wait for a client to read them.
pub const MAX_QUEUED_BYTES: usize = 1 << 20;

/// Bytes handed to the operating system in one write.
pub const WRITE_CHUNK: usize = 4 * 1024;
/// The initial read buffer in bytes; it grows when the client sends more.
const READ_BUFFER: usize = 1024;
/// A message of up to this many times the largest request still gets an error as its reply. A larger one ends the
/// connection.
pub const OVERSIZE_FACTOR: usize = 2;

pub type WebsocketStream = WebSocketStream<CountingTransport>;

/// Opens a websocket on a transport after the handshake.
pub async fn open_stream(transport: CountingTransport, options: &SocketOptions) -> WebsocketStream {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_CHUNK)
        .max_write_buffer_size(2 * MAX_QUEUED_BYTES)
        .max_message_size(Some(OVERSIZE_FACTOR * options.max_request))
        .max_frame_size(Some(OVERSIZE_FACTOR * options.max_request));
    WebsocketStream::from_raw_socket(transport, Role::Server, Some(config)).await
}
