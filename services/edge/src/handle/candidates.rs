//! Candidates of a client that wait to travel together.
//!
//! A browser finds its candidates within some milliseconds of each other; one stream entry for each
//! would cost more than the call itself. They wait for a short window, longer while the call rings,
//! because the connector holds the caller's until the callee accepts anyway. At most
//! [`MAX_WAITING`] of them and [`MAX_BYTES`]: past that the oldest is dropped.

use crate::numbers;
use protocol::Raw;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

const MAX_WAITING: usize = 256;
const MAX_BYTES: usize = 128 * 1024;
/// How long candidates gather once they are wanted on the other side.
pub const WINDOW: Duration = Duration::from_millis(10);
/// How long a caller's candidates gather while the call rings.
pub const RINGING_WINDOW: Duration = Duration::from_millis(200);

/// Candidates in the order they came.
#[derive(Debug, Default)]
pub struct Candidates {
    waiting: VecDeque<Raw>,
    bytes: usize,
    flush_at: Option<Instant>,
}

impl From<VecDeque<Raw>> for Candidates {
    fn from(waiting: VecDeque<Raw>) -> Self {
        let mut candidates = Self::default();
        waiting.into_iter().for_each(|candidate| candidates.push(candidate));
        candidates
    }
}

impl Candidates {
    /// Those that wait.
    pub fn waiting(&self) -> &VecDeque<Raw> {
        &self.waiting
    }

    /// Adds one.
    pub fn push(&mut self, candidate: Raw) {
        self.bytes += candidate.get().len();
        self.waiting.push_back(candidate);
        while self.waiting.len() > MAX_WAITING || self.bytes > MAX_BYTES {
            let Some(oldest) = self.waiting.pop_front() else { break };
            numbers::full(numbers::CANDIDATES);
            self.bytes -= oldest.get().len();
        }
    }

    /// Starts the window, unless it runs already or nothing waits.
    pub fn gather(&mut self, now: Instant, window: Duration) {
        if !self.waiting.is_empty() && self.flush_at.is_none() {
            self.flush_at = Some(now + window);
        }
    }

    /// Shortens the running window: they are wanted now.
    pub fn hurry(&mut self, now: Instant) {
        if self.flush_at.is_some_and(|at| at > now + WINDOW) {
            self.flush_at = Some(now + WINDOW);
        }
    }

    /// When the window ends.
    pub fn due(&self) -> Option<Instant> {
        self.flush_at
    }

    /// Takes them all.
    pub fn take(&mut self) -> Vec<Raw> {
        std::mem::take(self).waiting.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str) -> Raw {
        protocol::raw(&text)
    }

    #[test]
    fn they_leave_together_in_order() {
        let mut candidates = Candidates::default();
        let now = Instant::now();
        candidates.gather(now, WINDOW);
        assert_eq!(candidates.due(), None);
        candidates.push(candidate("a"));
        candidates.gather(now, WINDOW);
        candidates.push(candidate("b"));
        candidates.gather(now + WINDOW / 2, WINDOW);
        assert_eq!(candidates.due(), Some(now + WINDOW));
        let taken: Vec<String> = candidates.take().iter().map(|raw| raw.get().to_owned()).collect();
        assert_eq!(taken, ["\"a\"", "\"b\""]);
        assert_eq!(candidates.due(), None);
    }

    #[test]
    fn the_oldest_is_dropped_past_the_bound() {
        let mut candidates = Candidates::default();
        for number in 0..MAX_WAITING + 5 {
            candidates.push(candidate(&number.to_string()));
        }
        let taken = candidates.take();
        assert_eq!(taken.len(), MAX_WAITING);
        assert_eq!(taken[0].get(), "\"5\"");
    }
}
