//! Pauses between attempts: longer each time, and by chance, so that clients that were lost together do not
//! all come back at the same moment.

use std::time::Duration;
use tokio::time::sleep;

const MIN_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(4);

/// The next pause.
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(MIN_BACKOFF)
    }
}

impl Backoff {
    /// Waits; the next one is longer.
    pub async fn wait(&mut self) {
        let pause = jittered(self.0);
        self.0 = (self.0 * 2).min(MAX_BACKOFF);
        sleep(pause).await;
    }
}

/// Between half of it and all of it.
pub fn jittered(time: Duration) -> Duration {
    // Without chance, half of it does as well as any other.
    let chance = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    time.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_takes_no_more_than_half() {
        let whole = Duration::from_secs(1);
        assert!((0..1_000).all(|_| (whole / 2..=whole).contains(&jittered(whole))));
    }
}
