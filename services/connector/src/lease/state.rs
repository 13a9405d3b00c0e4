//! The lease on a backend, and whether this connector holds it at this moment, as the task that renews it
//! reports.

use crate::janus::endpoint::Endpoint;
use crate::options::{CallPolicy, Server};
use directory::record::FencingToken;
use service::Context;
use service::options::CanaryOptions;
use tokio::sync::watch;
use tokio::time::Instant;

/// A backend whose lease this connector holds.
pub struct LeasedBackend {
    pub server: Server,
    pub endpoint: Endpoint,
    pub policy: CallPolicy,
    pub canary: CanaryOptions,
    pub token: FencingToken,
    /// When the lease runs out, unless it is renewed.
    pub expires_at: Instant,
}

/// The name of a backend's lease in the directory.
pub fn lease_name(server: &Server) -> String {
    format!("backend:{}", server.name)
}

pub async fn release_lease(context: &Context, server: &Server) {
    if let Err(error) = context.directory.release_lease(&lease_name(server), &context.id).await {
        tracing::warn!(%error, backend = %server.name, "failed to release the lease, it will expire");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// No other connector can acquire the lease before `until`.
    Held { until: Instant, token: FencingToken },
    /// Another connector has acquired the lease.
    Lost,
}

/// A view of a lease. Clones see the same lease.
#[derive(Clone)]
pub struct LeaseWatch(watch::Receiver<LeaseState>);

impl LeaseWatch {
    pub fn new(lease: watch::Receiver<LeaseState>) -> Self {
        Self(lease)
    }

    /// Whether this connector certainly holds the lease.
    pub fn is_valid(&self) -> bool {
        matches!(*self.0.borrow(), LeaseState::Held { until, .. } if Instant::now() < until)
    }

    /// Waits until this connector certainly holds the lease. Safe to cancel.
    pub async fn until_valid(&mut self) {
        while !self.is_valid() {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the lease is lost. Safe to cancel.
    pub async fn until_lost(&mut self) {
        while self.changed().await != LeaseState::Lost {}
    }

    /// Waits until the lease is renewed or lost. Safe to cancel.
    pub async fn changed(&mut self) -> LeaseState {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow_and_update(),
            Err(_) => LeaseState::Lost,
        }
    }
}
