//! Shows whether this connector holds a lease at this moment. The renewal task updates it.

use directory::record::FencingToken;
use tokio::sync::watch;
use tokio::time::Instant;

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
