//! What a client may send now: less, and for a limited time, before it has a session; and nothing for a pause after wrong
//! secrets.

use super::Connection;
use crate::auth::Unauthorized;
use crate::metrics;
use crate::net::input_limits::InputLimits;
use common::{ErrorLog, warn_failure};
use tokio::time::Instant;

static WRONG_SECRETS: ErrorLog = ErrorLog::new("checking the secrets of clients");

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

    /// Refuses a request for its secret or token. After too many wrong ones the rest of the message is refused unseen, and
    /// the connection is not read for a pause.
    pub(super) fn refuse(&mut self, text: String, reason: Unauthorized) {
        metrics::request_unauthorized(reason);
        self.reply(text);
        if reason == Unauthorized::Wrong {
            warn_failure!(WRONG_SECRETS, "a client shows a wrong secret, refusing its request");
            let (group, now) = (self.address.and_then(|address| address.group()), Instant::now());
            if let Some(pause) = self.parts.wrong_secrets.record(group, now) {
                self.paused_until = Some(now + pause);
                self.client.set_barred(true);
            }
        }
    }
}
