//! Timers that may be unset.

use tokio::time::Instant;

/// Waits until `deadline`, or forever without one. For a branch of `select!`. Safe to cancel.
pub async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
