//! How much a client may ask for: a bucket that fills with the rate and holds [`BURST`] seconds of it.
//! One that is empty delays what its client asks next, and nobody else.

use std::time::Duration;
use tokio::time::Instant;

/// How many seconds of its rate a client may ask for at once.
const BURST_SECONDS: f64 = 5.0;
/// The longest a client waits, however much it has asked for at once.
const MAX_DELAY_SECONDS: f64 = 10.0;

/// What a client may ask for at the moment.
pub struct TokenBucket {
    /// Requests a second; none for any number.
    rate: Option<f64>,
    tokens: f64,
    refilled_at: Instant,
}

impl TokenBucket {
    /// A full bucket; `rate` 0 is for no bound.
    pub fn new(rate: u32, now: Instant) -> Self {
        let rate = (rate > 0).then(|| f64::from(rate));
        Self { rate, tokens: rate.unwrap_or_default() * BURST_SECONDS, refilled_at: now }
    }

    /// The client asks for one more. False when it asks for too much, and should wait.
    pub fn take(&mut self, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let since = now.saturating_duration_since(self.refilled_at).as_secs_f64();
        self.refilled_at = now;
        self.tokens = (self.tokens + since * rate).min(rate * BURST_SECONDS) - 1.0;
        self.tokens = self.tokens.max(-rate * MAX_DELAY_SECONDS);
        self.tokens >= 0.0
    }

    /// When there is something in it again; none when there is.
    pub fn available_at(&self) -> Option<Instant> {
        let rate = self.rate.filter(|_| self.tokens < 0.0)?;
        Some(self.refilled_at + Duration::from_secs_f64(-self.tokens / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_the_rate() {
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
    fn nobody_waits_for_ever() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, start);
        (0..100_000).for_each(|_| {
            bucket.take(start);
        });
        assert_eq!(bucket.available_at(), Some(start + Duration::from_secs(10)));
    }

    #[test]
    fn no_rate_is_no_bound() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(0, start);
        assert!((0..100_000).all(|_| bucket.take(start)) && bucket.available_at().is_none());
    }
}
