//! Waiting for a condition instead of for a time.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long anything that a test waits for may take. Generous: a machine that is busy with other tests
/// must not fail one, and a test that passes does not wait for it.
pub const DEADLINE: Duration = Duration::from_secs(10);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Asks `condition` again and again until it is true; panics with `what` when it is not by [`DEADLINE`].
pub async fn eventually(what: &str, condition: impl AsyncFnMut() -> bool) {
    assert!(becomes_true(DEADLINE, condition).await, "within {DEADLINE:?} it did not come true that {what}");
}

/// Whether `condition` becomes true within `limit`.
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
