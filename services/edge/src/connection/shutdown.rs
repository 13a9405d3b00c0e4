//! The edge stops: the client is told to come back, and its sessions wait for it to claim them at
//! another edge; or, where there is no other, they end.

use super::{Connection, sleep_until};
use common::entropy;
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Over how long sockets are closed, so that not all clients come back at once; but no more than half
/// of the time that stopping may take.
const CLOSE_SPREAD: Duration = Duration::from_secs(10);

impl Connection {
    /// Done when it is this connection's turn to stop.
    pub(super) fn shutdown_due(&self) -> impl Future<Output = ()> + use<> {
        let (stop, at) = (self.stop.clone(), self.close_at);
        let is_away = self.output.is_disconnected() && self.shared.context.shutdown_policy.hand_over;
        async move {
            match at {
                _ if is_away => std::future::pending().await,
                Some(_) => sleep_until(at).await,
                None => stop.cancelled().await,
            }
        }
    }

    /// First it takes its turn among all, then it closes its socket.
    pub(super) async fn close_gracefully(&mut self) {
        if self.close_at.is_none() {
            let spread = CLOSE_SPREAD.min(self.shared.context.shutdown_policy.timeout / 2).as_millis() as u64;
            let wait = Duration::from_millis(entropy::random_u64() % spread.max(1));
            self.close_at = Some(Instant::now() + wait);
            return;
        }
        self.output
            .close(CloseCode::Restart, "this server stops; connect again and claim your sessions")
            .await;
        self.drop_socket();
    }

    /// Its sessions end.
    pub(super) async fn end_sessions(mut self: Box<Self>) {
        for session in self.client.session_ids() {
            let acts = self.client.drop_session(session);
            self.perform(acts).await;
            self.close_session(session).await;
        }
        self.output.close(CloseCode::Away, "the server is going away").await;
    }
}
