//! Waits until what an operator asked for has come about: others do it, and do not say so.

use super::problem::Problem;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long an operator waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long is left.
pub(super) struct Patience(Instant);

impl Patience {
    /// All of it.
    pub fn new() -> Self {
        Self(Instant::now() + PATIENCE)
    }

    /// Until it is worth to look again; a problem with this detail when there is no time left.
    pub async fn pause(&self, too_long: &'static str) -> Result<(), Problem> {
        if Instant::now() >= self.0 {
            return Err(Problem::not_yet(too_long));
        }
        sleep(LOOK_EVERY).await;
        Ok(())
    }
}
