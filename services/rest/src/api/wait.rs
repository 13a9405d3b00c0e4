//! Polls until another service has completed an operation: services do not confirm what operators request.

use super::problem::Problem;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long an operation may take.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(super) struct PollDeadline(Instant);

impl PollDeadline {
    /// Expires after [`OPERATION_TIMEOUT`].
    pub fn new() -> Self {
        Self(Instant::now() + OPERATION_TIMEOUT)
    }

    /// Waits until the next poll; returns a problem with this detail after the deadline.
    pub async fn wait(&self, timeout_detail: &'static str) -> Result<(), Problem> {
        if Instant::now() >= self.0 {
            return Err(Problem::not_done(timeout_detail));
        }
        sleep(POLL_INTERVAL).await;
        Ok(())
    }
}
