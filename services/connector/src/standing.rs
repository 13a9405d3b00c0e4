//! Whether a lease is ours at this moment. Who renews it tells; who acts under it looks.

use directory::record::Token;
use tokio::sync::watch;
use tokio::time::Instant;

/// What is known of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// It was ours when it was renewed last, and nobody else gets it until then.
    Held {
        /// The end of it.
        until: Instant,
        /// Its token.
        token: Token,
    },
    /// Somebody else has it, or had it.
    Lost,
}

/// A look at a lease; clones look at the same.
#[derive(Clone)]
pub struct Standing(watch::Receiver<Lease>);

impl Standing {
    /// Of the lease that is told of there.
    pub fn new(lease: watch::Receiver<Lease>) -> Self {
        Self(lease)
    }

    /// Whether the lease is ours for sure.
    pub fn is_sure(&self) -> bool {
        matches!(*self.0.borrow(), Lease::Held { until, .. } if Instant::now() < until)
    }

    /// Waits until it is. Safe to cancel.
    pub async fn sure(&mut self) {
        while !self.is_sure() {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until it is another's. Safe to cancel.
    pub async fn lost(&mut self) {
        while self.changed().await != Lease::Lost {}
    }

    /// Waits until something about the lease changes: what is known of it then. Safe to cancel.
    pub async fn changed(&mut self) -> Lease {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow_and_update(),
            Err(_) => Lease::Lost,
        }
    }
}
