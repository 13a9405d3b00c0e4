//! Whether a lease is ours at this moment. Who renews it tells; who acts under it looks.

use directory::record::FencingToken;
use tokio::sync::watch;
use tokio::time::Instant;

/// What is known of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// It was ours when it was renewed last, and nobody else gets it until then.
    Held {
        /// The end of it.
        until: Instant,
        /// Its token.
        token: FencingToken,
    },
    /// Somebody else has it, or had it.
    Lost,
}

/// A look at a lease; clones look at the same.
#[derive(Clone)]
pub struct LeaseWatch(watch::Receiver<LeaseState>);

impl LeaseWatch {
    /// Of the lease that is told of there.
    pub fn new(lease: watch::Receiver<LeaseState>) -> Self {
        Self(lease)
    }

    /// Whether the lease is ours for sure.
    pub fn is_valid(&self) -> bool {
        matches!(*self.0.borrow(), LeaseState::Held { until, .. } if Instant::now() < until)
    }

    /// Waits until it is. Safe to cancel.
    pub async fn until_valid(&mut self) {
        while !self.is_valid() {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until it is another's. Safe to cancel.
    pub async fn until_lost(&mut self) {
        while self.changed().await != LeaseState::Lost {}
    }

    /// Waits until something about the lease changes: what is known of it then. Safe to cancel.
    pub async fn changed(&mut self) -> LeaseState {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow_and_update(),
            Err(_) => LeaseState::Lost,
        }
    }
}
