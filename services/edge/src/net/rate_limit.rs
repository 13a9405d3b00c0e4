//! The rate limit of one client: a token bucket that holds [`BURST_SECONDS`] of its rate. With an empty bucket, the
//! client's next request is delayed; other clients are not affected.

use std::time::Duration;
use tokio::time::Instant;

const BURST_SECONDS: f64 = 5.0;
/// The longest delay, however many requests came at once.
const MAX_DELAY_SECONDS: f64 = 10.0;

/// A message of this many bytes, in either direction, costs one more token.
const BYTES_PER_TOKEN: usize = 4 * 1024;

/// A token bucket. A request takes one token, and so does a frame that ends no message. Large requests and messages to the
/// client take more.
pub struct TokenBucket {
    /// Tokens a second; none without a limit.
    rate: Option<f64>,
    /// Negative when the client has exceeded its rate.
    tokens: f64,
    refilled_at: Instant,
}

impl TokenBucket {
    /// A full bucket; no limit with a `rate` of 0.
    pub fn new(rate: u32, now: Instant) -> Self {
        let rate = (rate > 0).then(|| f64::from(rate));
        Self { rate, tokens: rate.unwrap_or_default() * BURST_SECONDS, refilled_at: now }
    }

    /// Takes the token of a request. False if there was none: the client should wait.
    pub fn take(&mut self, now: Instant) -> bool {
        self.take_tokens(1.0, now)
    }

    /// Takes a token for each of these frames. False as with [`take`](Self::take).
    pub fn take_frames(&mut self, count: usize, now: Instant) -> bool {
        self.take_tokens(count as f64, now)
    }

    /// Takes the tokens for the size of a message. False as with [`take`](Self::take).
    pub fn take_bytes(&mut self, bytes: usize, now: Instant) -> bool {
        self.take_tokens((bytes / BYTES_PER_TOKEN) as f64, now)
    }

    fn take_tokens(&mut self, count: f64, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let elapsed = now.saturating_duration_since(self.refilled_at).as_secs_f64();
        self.refilled_at = now;
        self.tokens = (self.tokens + elapsed * rate).min(rate * BURST_SECONDS) - count;
        self.tokens = self.tokens.max(-rate * MAX_DELAY_SECONDS);
        self.tokens >= 0.0
    }

    /// When the client may send again; none if it may now.
    pub fn available_at(&self) -> Option<Instant> {
        let rate = self.rate.filter(|_| self.tokens < 0.0)?;
        Some(self.refilled_at + Duration::from_secs_f64(-self.tokens / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_messages_cost_more() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, start);
        assert!(bucket.take_bytes(BYTES_PER_TOKEN - 1, start));
        assert!(bucket.take_bytes(BYTES_PER_TOKEN * 50, start));
        assert!(!bucket.take(start));
        assert!(bucket.take(start + Duration::from_millis(200)));
    }

    #[test]
    fn burst_is_accepted_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, start);
        assert!((0..50).all(|_| bucket.take(start)));
        assert_eq!(bucket.available_at(), None);
        assert!(!bucket.take(start));
        assert_eq!(bucket.available_at(), Some(start + Duration::from_millis(100)));
        assert!(bucket.take(start + Duration::from_millis(250)));
        let mut taken = 0;
        while bucket.take(start + Duration::from_secs(60)) {
            taken += 1;
        }
        assert_eq!(taken, 50);
    }

    #[test]
    fn delay_is_bounded() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, start);
        (0..100_000).for_each(|_| {
            bucket.take(start);
        });
        assert_eq!(bucket.available_at(), Some(start + Duration::from_secs(10)));
    }

    #[test]
    fn rate_zero_is_no_limit() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(0, start);
        assert!((0..100_000).all(|_| bucket.take(start)) && bucket.available_at().is_none());
    }
}
