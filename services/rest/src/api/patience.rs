//! Waits until what an operator asked for has come about: others do it, and do not say so.

use super::problem::Problem;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long an operator waits.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long is left.
pub(super) struct PollDeadline(Instant);

impl PollDeadline {
    /// All of it.
    pub fn new() -> Self {
        Self(Instant::now() + OPERATION_TIMEOUT)
    }

    /// Until it is worth to look again; a problem with this detail when there is no time left.
    pub async fn wait(&self, too_long: &'static str) -> Result<(), Problem> {
        if Instant::now() >= self.0 {
            return Err(Problem::not_done(too_long));
        }
        sleep(POLL_INTERVAL).await;
        Ok(())
    }
}
