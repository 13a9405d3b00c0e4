//! When calls are due that come at a rate: evenly, whatever becomes of the former ones.

use std::time::Duration;

/// A given number of things a second.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    per_second: f64,
    done: u64,
}

impl Schedule {
    /// The first is due at once.
    pub fn new(per_second: f64) -> Self {
        Self { per_second, done: 0 }
    }

    /// How many more have become due, so long after the beginning; each is told once.
    pub fn due(&mut self, elapsed: Duration) -> u64 {
        let all = (elapsed.as_secs_f64() * self.per_second) as u64 + 1;
        let due = all.saturating_sub(self.done);
        self.done += due;
        due
    }

    /// How long after the beginning the next is due.
    pub fn next(&self) -> Duration {
        Duration::from_secs_f64(self.done as f64 / self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_evenly() {
        let mut schedule = Schedule::new(4.0);
        assert_eq!(schedule.due(Duration::ZERO), 1);
        assert_eq!(schedule.due(Duration::from_millis(249)), 0);
        assert_eq!(schedule.next(), Duration::from_millis(250));
        assert_eq!(schedule.due(Duration::from_millis(250)), 1);
    }

    #[test]
    fn who_comes_late_is_told_of_all_that_were_due() {
        let mut schedule = Schedule::new(1_000.0);
        assert_eq!(schedule.due(Duration::from_secs(2)), 2_001);
        assert_eq!(schedule.due(Duration::from_secs(2)), 0);
    }
}
