//! The read buffer of a websocket is given back after a large message.

use super::Socket;
use crate::net::websocket::open_stream;

/// A read buffer that has grown beyond this is given back, in bytes.
const KEPT_READ_BUFFER: u64 = 16 * 1024;

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
