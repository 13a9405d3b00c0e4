//! What a client may send, and in which time: little before it has a session.

use crate::options::SocketOptions;
use std::time::Duration;
use tokio::time::Instant;

/// The largest request of a client without a session, in bytes.
const MAX_FIRST_REQUEST: usize = 16 * 1024;
/// How long a message may take from its first byte, of a client without a session and with one.
const FIRST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// The time that a client has at least to complete a message, after the edge has not read because of its rate.
const DELAYED_GRACE: Duration = Duration::from_secs(5);
/// By how much such delays may extend the time for a message.
const MAX_EXTENSION: Duration = Duration::from_secs(10);

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputLimits {
    /// The largest request, in bytes.
    pub max_request: usize,
    /// How long a message may take from its first byte.
    pub message_timeout: Duration,
}

impl InputLimits {
    pub fn before_session(options: &SocketOptions) -> Self {
        let max_request = options.max_request.min(MAX_FIRST_REQUEST);
        Self { max_request, message_timeout: FIRST_MESSAGE_TIMEOUT }
    }

    pub fn with_session(options: &SocketOptions) -> Self {
        Self { max_request: options.max_request, message_timeout: MESSAGE_TIMEOUT }
    }

    /// When a message must be complete that began at `since`. The edge did not read until `delayed_until`.
    pub fn message_deadline(self, since: Instant, delayed_until: Option<Instant>) -> Instant {
        let deadline = since + self.message_timeout;
        let delayed = delayed_until.map_or(deadline, |until| deadline.max(until + DELAYED_GRACE));
        delayed.min(deadline + MAX_EXTENSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_by_the_edge_extend_the_time_for_a_message_once() {
        let (since, second) = (Instant::now(), Duration::from_secs(1));
        let limits = InputLimits { max_request: 1, message_timeout: 10 * second };
        let deadline = |delayed_until: Option<u32>| {
            limits.message_deadline(since, delayed_until.map(|until| since + until * second)) - since
        };
        let deadlines = [None, Some(2), Some(8), Some(12), Some(100)].map(deadline);
        assert_eq!(deadlines, [10, 10, 13, 17, 20].map(|seconds| seconds * second));
    }
}
