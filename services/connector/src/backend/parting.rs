//! How a connector leaves a backend: hands it over to the next one, brings it to its end, or drops it
//! because another has it.

use super::{Backend, Stopped, lease_name};
use crate::options::Server;
use bus::message::Notice;
use futures_util::FutureExt;
use service::Context;
use tokio::time::{Instant, timeout};

impl Backend {
    /// Stops serving, as the connector is asked to.
    pub(super) async fn part(self) {
        // A server whose address is gone is left for good, by all connectors.
        let stops = self.context.shutdown.is_cancelled();
        match self.context.parting.hand_over && stops && self.left.is_none() {
            true => self.hand_over().await,
            false => self.finish().await,
        }
    }

    /// Another connector has the backend: not a word to anybody.
    pub(super) async fn abandon(self) -> Stopped {
        tracing::warn!(backend = %self.server.name, "another connector serves the backend now");
        self.herald.stop().await;
        Stopped::LeaseLost
    }

    /// Leaves everything as it is to the next connector. The backend stays announced. Half of the time
    /// there is goes to what was begun, the rest to Janus and to what is on its way to clients.
    async fn hand_over(mut self) {
        let settled = async {
            self.endings.settled().await;
            self.scribe.settled().await;
        };
        if timeout(self.context.parting.bound / 2, settled).await.is_err() {
            tracing::warn!(backend = %self.server.name, "not all could be written down for the next connector");
        }
        while let Some(mark) = self.ledger.done().now_or_never() {
            self.mailbox.done_until(mark);
        }
        tokio::join!(self.janus.leave(), self.probe.stop());
        self.herald.stop().await;
        release(&self.context, &self.server).await;
    }

    /// Ends everything and leaves the backend to others.
    async fn finish(mut self) {
        let name = self.server.name.clone();
        let acts = self.calls.down("The media server is being taken out of service", Instant::now());
        self.perform(acts);
        if timeout(self.context.parting.bound / 2, self.endings.settled()).await.is_err() {
            tracing::warn!(backend = %name, "not all calls could be ended");
        }
        self.herald.stop().await;
        tokio::join!(self.janus.close(), self.probe.stop());
        if let Err(error) = self.context.directory.remove_backend(&name).await {
            tracing::warn!(%error, backend = %name, "the backend could not be taken back");
        }
        release(&self.context, &self.server).await;
        let _ = self.context.bus.publish(&Notice::BackendChanged(name)).await;
    }
}

/// Gives the lease back.
pub(super) async fn release(context: &Context, server: &Server) {
    if let Err(error) = context.directory.release_lease(&lease_name(server), &context.id).await {
        tracing::warn!(%error, backend = %server.name, "the lease could not be given back");
    }
}
