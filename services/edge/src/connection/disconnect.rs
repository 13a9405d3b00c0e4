//! The end of a connection's socket. Its sessions stay until they are claimed or end.

use super::Connection;
use crate::metrics;
use crate::net::closing::CloseReason;
use common::{ErrorLog, warn_failure};
use tokio::time::Instant;

static SLOW_CLIENTS: ErrorLog = ErrorLog::new("writing to clients");

impl Connection {
    /// Closes the socket because a queue is full. If it is being closed already, it is dropped at once: what comes next
    /// is for the backlog.
    pub(super) fn disconnect_slow(&mut self, full: &'static str) {
        if self.output.is_closing() {
            return self.drop_socket();
        }
        metrics::queue_full(full);
        metrics::slow_client();
        warn_failure!(SLOW_CLIENTS, "a client reads too slowly, closing its socket");
        self.output.close(CloseReason::TooSlow);
    }

    pub(super) fn drop_socket(&mut self) {
        let now = Instant::now();
        self.paused_until = None;
        self.lingering = self.output.drop_socket().or(self.lingering.take());
        self.allowance.disconnect(now);
        self.client.set_disconnected(now);
        for session in self.client.session_ids() {
            self.dirty.mark(session, now);
        }
    }

    /// Closes the connection of a websocket that has ended, in a task of its own. Until then it counts as connected.
    pub(super) fn release_socket(&mut self) {
        let permit = self.permit.take();
        if let Some(lingering) = self.lingering.take() {
            self.parts.context.connections.spawn(async move {
                lingering.close().await;
                drop(permit);
            });
        }
    }
}
