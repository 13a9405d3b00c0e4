//! What a reader does while Redis is away: pauses that grow, and one line in the log for each end.

use crate::metrics;
use ::redis::RedisError;
use std::fmt::Display;
use std::time::Duration;

const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// One reader's view of whether Redis is there.
pub(super) struct RetryState {
    reader: String,
    backoff: Option<Duration>,
}

impl RetryState {
    pub(super) fn new(reader: impl Display) -> Self {
        Self { reader: reader.to_string(), backoff: None }
    }

    /// Something failed: waits before the next try.
    pub(super) async fn back_off(&mut self, error: &RedisError) {
        let pause = match self.backoff {
            None => {
                tracing::warn!(reader = self.reader, %error, "the bus does not answer this reader, which tries again");
                MIN_BACKOFF
            }
            Some(pause) => (pause * 2).min(MAX_BACKOFF),
        };
        self.backoff = Some(pause);
        tokio::time::sleep(pause).await;
    }

    /// Something worked.
    pub(super) fn reset(&mut self) {
        if self.backoff.take().is_some() {
            tracing::info!(reader = self.reader, "the bus answers again");
            metrics::reconnected();
        }
    }
}
