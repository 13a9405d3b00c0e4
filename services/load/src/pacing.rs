//! When calls begin: each pair as soon as it can, or all pairs together at a rate.

use common::sync::Mutex;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// The times at which events are due at a rate, evenly spaced and independent of earlier events.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    per_second: f64,
    done: u64,
}

impl Schedule {
    /// Begins a schedule whose first event is due at once.
    pub fn new(per_second: f64) -> Self {
        Self { per_second, done: 0 }
    }

    /// Returns how many more events have become due by this time after the beginning.
    pub fn due(&mut self, elapsed: Duration) -> u64 {
        let all = (elapsed.as_secs_f64() * self.per_second) as u64 + 1;
        let due = all.saturating_sub(self.done);
        self.done += due;
        due
    }

    /// Returns the time after the beginning at which the next event is due.
    pub fn next(&self) -> Duration {
        Duration::from_secs_f64(self.done as f64 / self.per_second)
    }
}

/// Permits pairs to call.
pub enum Pacer {
    /// Each pair calls as soon as it can, once the run has started.
    Unlimited(watch::Sender<bool>),
    /// Pairs wait in a queue for a permit; the one that has waited longest is first.
    Rated(Mutex<VecDeque<oneshot::Sender<()>>>),
}

impl Pacer {
    pub fn unlimited() -> Self {
        Self::Unlimited(watch::Sender::new(false))
    }

    pub fn rated() -> Self {
        Self::Rated(Mutex::default())
    }

    /// Starts the run.
    pub fn start(&self) {
        if let Self::Unlimited(begun) = self {
            begun.send_replace(true);
        }
    }

    /// Grants a permit, and returns whether a pair was waiting for it.
    pub fn grant(&self) -> bool {
        let Self::Rated(waiting) = self else { return false };
        loop {
            match waiting.lock().pop_front() {
                // A pair that has stopped waiting does not take the permit.
                Some(pair) => {
                    if pair.send(()).is_ok() {
                        return true;
                    }
                }
                None => return false,
            }
        }
    }

    /// Waits for a permit.
    pub async fn next(&self) {
        match self {
            Self::Unlimited(begun) => {
                let _ = begun.subscribe().wait_for(|begun| *begun).await;
            }
            Self::Rated(waiting) => {
                let (pair, permit) = oneshot::channel();
                waiting.lock().push_back(pair);
                if permit.await.is_err() {
                    std::future::pending().await
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn events_are_evenly_spaced() {
        let mut schedule = Schedule::new(4.0);
        assert_eq!(schedule.due(Duration::ZERO), 1);
        assert_eq!(schedule.due(Duration::from_millis(249)), 0);
        assert_eq!(schedule.next(), Duration::from_millis(250));
        assert_eq!(schedule.due(Duration::from_millis(250)), 1);
    }

    #[test]
    fn late_poll_returns_all_due_events() {
        let mut schedule = Schedule::new(1_000.0);
        assert_eq!(schedule.due(Duration::from_secs(2)), 2_001);
        assert_eq!(schedule.due(Duration::from_secs(2)), 0);
    }

    #[test]
    fn permit_goes_to_the_longest_waiting_pair() {
        let pacer = Pacer::rated();
        assert!(!pacer.grant(), "no pair waits");
        let (mut cancelled, mut first, mut second) =
            (Box::pin(pacer.next()), Box::pin(pacer.next()), Box::pin(pacer.next()));
        for waits in [&mut cancelled, &mut first, &mut second] {
            assert!(waits.now_or_never().is_none());
        }
        drop(cancelled);
        assert!(pacer.grant());
        assert!(second.as_mut().now_or_never().is_none() && first.as_mut().now_or_never().is_some());
        assert!(pacer.grant() && !pacer.grant());
    }

    #[test]
    fn without_a_rate_all_start_together() {
        let pacer = Pacer::unlimited();
        assert!(pacer.next().now_or_never().is_none());
        pacer.start();
        assert!(pacer.next().now_or_never().is_some() && pacer.next().now_or_never().is_some());
    }
}
