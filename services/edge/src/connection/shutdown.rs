//! The end of a connection when the edge shuts down. The client reconnects and claims its sessions at another edge; if
//! there is no other edge, they end.

use super::Connection;
use crate::net::closing::CloseReason;
use crate::net::socket::Frame;
use common::entropy::random_u64;
use common::time::sleep_until;
use std::time::Duration;
use tokio::time::Instant;

/// The time over which sockets are closed, so that clients do not reconnect all at once. At most half of the time for
/// the shutdown is used.
const CLOSE_SPREAD: Duration = Duration::from_secs(10);

impl Connection {
    /// Waits until the connection has to handle the shutdown.
    pub(super) fn shutdown_due(&self) -> impl Future<Output = ()> + use<> {
        let (shutdown, close_at) = (self.shutdown.clone(), self.close_at);
        let is_closed = self.output.is_disconnected() || self.output.is_closing();
        let is_handed_over = is_closed && self.parts.context.shutdown_policy.hand_over;
        async move {
            if is_handed_over {
                std::future::pending().await
            } else if close_at.is_some() {
                sleep_until(close_at).await;
            } else {
                shutdown.cancelled().await;
            }
        }
    }

    /// The first call chooses a random time to close the socket; the second call closes it. Requests that the client
    /// has sent before it reads the close frame are still handled; the replies wait to be claimed.
    pub(super) fn close_gracefully(&mut self) {
        if self.close_at.is_none() {
            let spread = CLOSE_SPREAD.min(self.parts.context.shutdown_policy.timeout / 2).as_millis() as u64;
            let delay = Duration::from_millis(random_u64() % spread.max(1));
            self.close_at = Some(Instant::now() + delay);
            return;
        }
        self.output.close(CloseReason::EdgeStops);
    }

    pub(super) async fn end_sessions(mut self: Box<Self>) {
        for session in self.client.session_ids() {
            let actions = self.client.drop_session(session, Instant::now());
            self.perform(actions).await;
            self.close_session(session).await;
        }
        self.send_waiting().await;
        self.output.close(CloseReason::ServerStops);
        while !self.output.is_disconnected() {
            if matches!(self.output.next_frame(None).await, Frame::Closed)
                && let Some(lingering) = self.output.drop_socket()
            {
                lingering.close().await;
            }
        }
    }
}
