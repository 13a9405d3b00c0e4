//! A gate that is open or closed. Whoever waits at it goes on in the order in which they came, so that a
//! run with a seed can be repeated; tokio's `watch` wakes those who wait in any order.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// A gate, open at first.
#[derive(Default)]
pub struct Gate {
    closed: AtomicBool,
    changed: Notify,
}

impl Gate {
    /// Closes or opens it.
    pub fn set_closed(&self, close: bool) {
        self.closed.store(close, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Waits until it is open. Safe to cancel.
    pub async fn wait_open(&self) {
        self.wait(false).await;
    }

    /// Waits until it is closed. Safe to cancel.
    pub async fn wait_closed(&self) {
        self.wait(true).await;
    }

    async fn wait(&self, closed: bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.is_closed() == closed {
                return;
            }
            changed.await;
        }
    }
}
