//! What a reader does while Redis is away: pauses that grow, and one line in the log for each end.

use crate::numbers;
use ::redis::RedisError;
use std::fmt::Display;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One reader's view of whether Redis is there.
pub(super) struct Outage {
    reader: String,
    pause: Option<Duration>,
}

impl Outage {
    pub(super) fn new(reader: impl Display) -> Self {
        Self { reader: reader.to_string(), pause: None }
    }

    /// Something failed: waits before the next try.
    pub(super) async fn wait(&mut self, error: &RedisError) {
        let pause = match self.pause {
            None => {
                tracing::warn!(reader = self.reader, %error, "the bus does not answer this reader, which tries again");
                FIRST_PAUSE
            }
            Some(pause) => (pause * 2).min(LONGEST_PAUSE),
        };
        self.pause = Some(pause);
        tokio::time::sleep(pause).await;
    }

    /// Something worked.
    pub(super) fn over(&mut self) {
        if self.pause.take().is_some() {
            tracing::info!(reader = self.reader, "the bus answers again");
            numbers::reconnected();
        }
    }
}
