//! What a client may send now: less, and for a limited time, before it has a session.

use super::Connection;
use crate::net::input_limits::InputLimits;
use tokio::time::Instant;

impl Connection {
    pub(super) fn update_limits(&mut self) {
        if !self.client.is_empty() {
            self.idle_since = Instant::now();
        }
        self.allowance.set_sessions(self.client.len());
        self.output.set_limits(self.input_limits());
        let held = self.inbox.bytes() + self.client.held_bytes() + self.turns.bytes();
        self.memory.set(held);
    }

    pub(super) fn input_limits(&self) -> InputLimits {
        let options = &self.parts.context.socket_options;
        if self.client.is_empty() {
            InputLimits::before_session(options)
        } else {
            InputLimits::with_session(options)
        }
    }

    /// When the socket is closed, because it has no session.
    pub(super) fn idle_deadline(&self) -> Option<Instant> {
        let is_idle = self.client.is_empty() && !self.output.is_disconnected() && !self.output.is_closing();
        let timeout = self.parts.context.socket_options.idle_timeout.filter(|_| is_idle)?;
        Some(self.idle_since + timeout)
    }
}
