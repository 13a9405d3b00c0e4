//! Waiting: delays between retries, and timers that may be unset.

use crate::entropy::random_u64;
use std::time::Duration;
use tokio::time::Instant;

/// A delay that doubles with each retry, up to a maximum.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with a delay of `first`; no delay exceeds `max`.
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, next: first }
    }

    /// Returns the delay before the next retry and doubles the one after it.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.max);
        delay
    }

    /// Sleeps for the next delay. When cancelled, the delay still counts as taken.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.next_delay()).await;
    }

    /// Begins with the first delay again, after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Returns a random duration between half of `delay` and all of it, so that clients that failed together do
/// not retry together.
pub fn jitter(delay: Duration) -> Duration {
    let fraction = random_u64() as f64 / u64::MAX as f64;
    delay.mul_f64(0.5 + fraction / 2.0)
}

/// Waits until `deadline`, or forever without one. For a branch of `select!`. Safe to cancel.
pub async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_doubles_up_to_the_maximum() {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_millis(150));
        let delays: Vec<_> = (0..4).map(|_| backoff.next_delay().as_millis()).collect();
        assert_eq!(delays, [50, 100, 150, 150]);
        backoff.reset();
        assert_eq!(backoff.next_delay().as_millis(), 50);
    }

    #[test]
    fn jitter_removes_at_most_half() {
        let whole = Duration::from_secs(1);
        assert!((0..1_000).all(|_| (whole / 2..=whole).contains(&jitter(whole))));
    }
}
