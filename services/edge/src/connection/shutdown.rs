//! The end of a connection when the edge shuts down. The client reconnects and claims its sessions at another edge; if
//! there is no other edge, they end.

use super::Connection;
use common::entropy::random_u64;
use common::time::sleep_until;
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// The time over which sockets are closed, so that clients do not reconnect all at once. At most half of the time for
/// the shutdown is used.
const CLOSE_SPREAD: Duration = Duration::from_secs(10);

impl Connection {
    /// Waits until the connection has to handle the shutdown.
    pub(super) fn shutdown_due(&self) -> impl Future<Output = ()> + use<> {
        let (shutdown, close_at) = (self.shutdown.clone(), self.close_at);
        let is_handed_over = self.output.is_disconnected() && self.parts.context.shutdown_policy.hand_over;
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

    /// The first call chooses a random time to close the socket; the second call closes it.
    pub(super) async fn close_gracefully(&mut self) {
        if self.close_at.is_none() {
            let spread = CLOSE_SPREAD.min(self.parts.context.shutdown_policy.timeout / 2).as_millis() as u64;
            let delay = Duration::from_millis(random_u64() % spread.max(1));
            self.close_at = Some(Instant::now() + delay);
            return;
        }
        self.output
            .close(CloseCode::Restart, "this server stops; connect again and claim your sessions")
            .await;
        self.drop_socket();
    }

    pub(super) async fn end_sessions(mut self: Box<Self>) {
        for session in self.client.session_ids() {
            let actions = self.client.drop_session(session, Instant::now());
            self.perform(actions).await;
            self.close_session(session).await;
        }
        self.output.close(CloseCode::Away, "the server is going away").await;
    }
}
