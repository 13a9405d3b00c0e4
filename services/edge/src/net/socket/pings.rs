//! Pings of the edge to a silent client, and answers to the pings of a client.

use super::Socket;
use crate::metrics;
use crate::net::closing::CloseReason;
use futures_util::Sink;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// Bytes of pongs that a client may leave unread.
const MAX_UNREAD_PONGS: u64 = 16 * 1024;

impl Socket {
    /// When to ping a silent client, or, if it was pinged, when it counts as gone.
    pub(super) fn ping_deadline(&self) -> Option<Instant> {
        let interval = self.options.ping_interval.filter(|_| self.closing.is_none())?;
        let timeout = if self.is_pinged { self.options.ping_timeout } else { Duration::ZERO };
        Some(self.last_received + interval + timeout)
    }

    /// Pings the client, or closes if the previous ping was not answered.
    pub(super) fn ping(&mut self) {
        let was_pinged = std::mem::replace(&mut self.is_pinged, true);
        if was_pinged || Pin::new(&mut self.stream).start_send(Message::Ping(Bytes::new())).is_err() {
            return self.close(CloseReason::NoPong);
        }
        self.note_submitted(0);
    }

    /// The websocket answers a ping. A client that does not read the answers is closed, because nothing else bounds them.
    pub(super) fn note_pong(&mut self, length: usize) {
        if self.stream.get_ref().bytes_written() >= self.bytes_submitted {
            self.unread_pongs = 0;
        }
        let before = self.bytes_submitted;
        self.note_submitted(length);
        self.unread_pongs += self.bytes_submitted - before;
        if self.unread_pongs > MAX_UNREAD_PONGS && self.closing.is_none() {
            metrics::slow_client();
            self.close(CloseReason::TooSlow);
        }
    }
}
