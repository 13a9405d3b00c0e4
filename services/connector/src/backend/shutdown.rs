//! Three ways to stop serving a backend: it is handed over to the next connector, retired, or dropped
//! because its lease is lost.

use super::run::{Backend, StopReason};
use crate::lease::leased::release_lease;
use bus::message::Notice;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

impl Backend {
    pub(super) async fn shutdown(self) {
        // A server whose address has gone is retired: no connector will serve it.
        let connector_stops = self.context.shutdown.is_cancelled();
        let hands_over = self.context.shutdown_policy.hand_over && connector_stops;
        if hands_over && self.recovered_calls.is_none() {
            self.hand_over().await;
        } else {
            self.retire().await;
        }
    }

    /// Stops without notifying clients: another connector has the lease.
    pub(super) async fn abandon(self) -> StopReason {
        tracing::warn!(backend = %self.server.name, "another connector has the lease, no longer serving the backend");
        self.lease.renewer.stop().await;
        StopReason::LeaseLost
    }

    /// Leaves calls and sessions to the next connector. The backend stays announced. Half of the
    /// shutdown timeout is for saving state, the rest for Janus and the outbox.
    async fn hand_over(mut self) {
        let saved = async {
            self.finalizer.wait_idle().await;
            self.writer.flushed().await;
        };
        if timeout(self.context.shutdown_policy.timeout / 2, saved).await.is_err() {
            tracing::warn!(backend = %self.server.name, "failed to save all calls before the deadline, handing over anyway");
        }
        while let Some(offset) = self.mailbox.acks.acked_through().now_or_never() {
            self.mailbox.reader.ack_through(offset);
        }
        tokio::join!(self.link.disconnect(), self.probe.stop());
        self.lease.renewer.stop().await;
        release_lease(&self.context, &self.server).await;
    }

    /// Ends all calls and removes the backend from the directory.
    async fn retire(mut self) {
        let name = self.server.name.clone();
        let actions =
            self.calls.on_janus_down("The media server is being taken out of service", Instant::now());
        self.perform(actions);
        if timeout(self.context.shutdown_policy.timeout / 2, self.finalizer.wait_idle()).await.is_err() {
            tracing::warn!(backend = %name, "failed to end all calls before the deadline, stopping anyway");
        }
        self.lease.renewer.stop().await;
        tokio::join!(self.link.close(), self.probe.stop());
        if let Err(error) = self.context.directory.remove_backend(&name).await {
            tracing::warn!(%error, backend = %name, "failed to remove the backend from the directory, its record will expire");
        }
        release_lease(&self.context, &self.server).await;
        let _ = self.context.bus.publish(&Notice::BackendChanged(name)).await;
    }
}
