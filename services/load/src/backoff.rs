//! The delays between attempts to connect, with jitter, so that clients that were lost together do not reconnect
//! together.

use common::backoff::{Backoff, jitter};
use std::time::Duration;
use tokio::time::sleep;

const MIN_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(4);

pub fn new() -> Backoff {
    Backoff::new(MIN_BACKOFF, MAX_BACKOFF)
}

/// Waits before the next attempt.
pub async fn wait(backoff: &mut Backoff) {
    sleep(jitter(backoff.next_delay())).await;
}
