//! Waiting for a condition instead of sleeping.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a test waits for anything. Generous, because a busy machine must not fail a test; a test that passes
/// does not wait as long.
pub const DEADLINE: Duration = Duration::from_secs(10);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls `condition` until it is true; panics with `what` at [`DEADLINE`].
pub async fn eventually(what: &str, condition: impl AsyncFnMut() -> bool) {
    assert!(becomes_true(DEADLINE, condition).await, "not true within {DEADLINE:?}: {what}");
}

/// Returns whether `condition` becomes true within `limit`.
pub async fn becomes_true(limit: Duration, mut condition: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition().await {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(POLL_INTERVAL).await;
    }
    true
}
