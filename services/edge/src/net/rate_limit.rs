//! A rate limit: a token bucket that holds [`BURST_SECONDS`] of its rate. With an empty bucket of requests, the client's
//! next request is delayed; other clients are not affected.

use std::time::Duration;
use tokio::time::Instant;

const BURST_SECONDS: f64 = 5.0;
/// The same for calls, which cost more.
pub const CALL_BURST_SECONDS: f64 = 2.0;
/// The longest delay, however many requests came at once.
const MAX_DELAY_SECONDS: f64 = 10.0;

/// A message of this many bytes, in either direction, costs one more token.
const BYTES_PER_TOKEN: usize = 4 * 1024;

/// A token bucket. A request takes one token, and so does a frame that ends no message. Large requests and messages to the
/// client take more.
pub struct TokenBucket {
    /// Tokens a second; none without a limit.
    rate: Option<f64>,
    /// The most tokens.
    capacity: f64,
    /// Negative when the client has exceeded its rate.
    tokens: f64,
    refilled_at: Instant,
}

impl TokenBucket {
    /// A full bucket; no limit with a `rate` of 0.
    pub fn new(rate: u32, now: Instant) -> Self {
        Self::with_burst(rate, BURST_SECONDS, now)
    }

    /// A full bucket for bursts of what comes in so many seconds.
    pub fn with_burst(rate: u32, seconds: f64, now: Instant) -> Self {
        let rate = (rate > 0).then(|| f64::from(rate));
        let capacity = rate.unwrap_or_default() * seconds;
        Self { rate, capacity, tokens: capacity, refilled_at: now }
    }

    /// Takes the token of a request. False if there was none: the client should wait.
    pub fn take(&mut self, now: Instant) -> bool {
        self.take_tokens(1.0, now)
    }

    /// Takes tokens. False as with [`take`](Self::take).
    pub fn take_tokens(&mut self, count: f64, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        self.tokens = self.refilled(now) - count;
        self.refilled_at = now;
        self.tokens = self.tokens.max(-rate * MAX_DELAY_SECONDS);
        self.tokens >= 0.0
    }

    /// Takes a token only if there is one.
    pub fn take_available(&mut self, now: Instant) -> bool {
        self.next_at(now).is_none() && self.take(now)
    }

    /// The tokens at this time, without a limit 0.
    fn refilled(&self, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.refilled_at).as_secs_f64();
        (self.tokens + elapsed * self.rate.unwrap_or_default()).min(self.capacity)
    }

    /// How many tokens were taken and have not come back yet.
    pub fn missing(&self, now: Instant) -> f64 {
        self.capacity - self.refilled(now)
    }

    /// When the client may send again; none if it may now.
    pub fn available_at(&self) -> Option<Instant> {
        let rate = self.rate.filter(|_| self.tokens < 0.0)?;
        Some(self.refilled_at + Duration::from_secs_f64(-self.tokens / rate))
    }

    /// When there is a whole token; none if there is one now.
    pub fn next_at(&self, now: Instant) -> Option<Instant> {
        let (rate, tokens) = (self.rate?, self.refilled(now));
        (tokens < 1.0).then(|| now + Duration::from_secs_f64((1.0 - tokens) / rate))
    }
}

/// The tokens for the size of a message.
pub fn tokens_for(bytes: usize) -> f64 {
    (bytes / BYTES_PER_TOKEN) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_messages_cost_more() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, start);
        assert!(bucket.take_tokens(tokens_for(BYTES_PER_TOKEN - 1), start));
        assert!(bucket.take_tokens(tokens_for(BYTES_PER_TOKEN * 50), start));
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

    #[test]
    fn whole_tokens_are_taken_only_if_there_are_some() {
        let start = Instant::now();
        let mut bucket = TokenBucket::with_burst(2, 1.0, start);
        assert!(
            bucket.take_available(start) && bucket.take_available(start) && !bucket.take_available(start)
        );
        assert_eq!(bucket.next_at(start), Some(start + Duration::from_millis(500)));
        let later = start + Duration::from_millis(750);
        assert!(bucket.take_available(later) && !bucket.take_available(later));
        assert_eq!(bucket.missing(later), 1.5);
        assert_eq!(bucket.missing(start + Duration::from_secs(9)), 0.0);
        let unlimited = TokenBucket::new(0, start);
        assert_eq!((unlimited.missing(start), unlimited.next_at(start)), (0.0, None));
    }
}
