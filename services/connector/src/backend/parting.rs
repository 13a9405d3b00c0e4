//! How a connector leaves a backend: hands it over to the next one, brings it to its end, or drops it
//! because another has it.

use super::{Backend, StopReason, lease_name};
use crate::options::Server;
use bus::message::Notice;
use futures_util::FutureExt;
use service::Context;
use tokio::time::{Instant, timeout};

impl Backend {
    /// Stops serving, as the connector is asked to.
    pub(super) async fn shutdown(self) {
        // A server whose address is gone is left for good, by all connectors.
        let stops = self.context.shutdown.is_cancelled();
        match self.context.shutdown_policy.hand_over && stops && self.recovered_calls.is_none() {
            true => self.hand_over().await,
            false => self.decommission().await,
        }
    }

    /// Another connector has the backend: not a word to anybody.
    pub(super) async fn abandon(self) -> StopReason {
        tracing::warn!(backend = %self.server.name, "another connector serves the backend now");
        self.renewer.stop().await;
        StopReason::LeaseLost
    }

    /// Leaves everything as it is to the next connector. The backend stays announced. Half of the time
    /// there is goes to what was begun, the rest to Janus and to what is on its way to clients.
    async fn hand_over(mut self) {
        let settled = async {
            self.finalizer.wait_idle().await;
            self.writer.flushed().await;
        };
        if timeout(self.context.shutdown_policy.timeout / 2, settled).await.is_err() {
            tracing::warn!(backend = %self.server.name, "not all could be written down for the next connector");
        }
        while let Some(mark) = self.acks.acked_through().now_or_never() {
            self.mailbox.ack_through(mark);
        }
        tokio::join!(self.janus.disconnect(), self.probe.stop());
        self.renewer.stop().await;
        release_lease(&self.context, &self.server).await;
    }

    /// Ends everything and leaves the backend to others.
    async fn decommission(mut self) {
        let name = self.server.name.clone();
        let acts = self.calls.on_janus_down("The media server is being taken out of service", Instant::now());
        self.perform(acts);
        if timeout(self.context.shutdown_policy.timeout / 2, self.finalizer.wait_idle()).await.is_err() {
            tracing::warn!(backend = %name, "not all calls could be ended");
        }
        self.renewer.stop().await;
        tokio::join!(self.janus.close(), self.probe.stop());
        if let Err(error) = self.context.directory.remove_backend(&name).await {
            tracing::warn!(%error, backend = %name, "the backend could not be taken back");
        }
        release_lease(&self.context, &self.server).await;
        let _ = self.context.bus.publish(&Notice::BackendChanged(name)).await;
    }
}

/// Gives the lease back.
pub(super) async fn release_lease(context: &Context, server: &Server) {
    if let Err(error) = context.directory.release_lease(&lease_name(server), &context.id).await {
        tracing::warn!(%error, backend = %server.name, "the lease could not be given back");
    }
}
