//! A flag to wait for. Waiters are woken in the order of their arrival, so that runs with a seed are repeatable;
//! tokio's `watch` wakes them in any order.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// A gate, initially open.
#[derive(Default)]
pub struct Gate {
    closed: AtomicBool,
    changed: Notify,
}

impl Gate {
    /// Closes or opens the gate.
    pub fn set_closed(&self, close: bool) {
        self.closed.store(close, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Returns whether the gate is closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Waits until the gate is open. Safe to cancel.
    pub async fn wait_open(&self) {
        self.wait(false).await;
    }

    /// Waits until the gate is closed. Safe to cancel.
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
