//! Logs errors that repeat: each kind when it begins and when it ends, with a count.
//!
//! While Redis, a Janus or a proxy is away, every attempt fails. A line for each would fill the disk. An [`ErrorLog`]
//! lets the first failure through, then one in [`SUMMARY_INTERVAL`], and reports the end. The code has one for each kind
//! of error, or one for each backend, so texts from outside cannot add to their number.

use crate::sync::Mutex;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How often a failure is logged while the outage lasts.
pub const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);
/// An outage is over with the first success this long after the last failure. Others may still fail before.
const MIN_SETTLE_TIME: Duration = Duration::from_secs(2);

/// The outages of one kind of work.
pub struct ErrorLog {
    /// The work, as a gerund: "renewing the lease".
    work: Cow<'static, str>,
    is_failing: AtomicBool,
    state: Mutex<Outages>,
}

struct Outages {
    outage: Option<Outage>,
    ended_at: Option<Instant>,
    /// Doubles when an outage begins soon after the last one, up to [`SUMMARY_INTERVAL`]: errors that come and go are one
    /// outage then.
    settle_time: Duration,
}

struct Outage {
    began_at: Instant,
    failed_at: Instant,
    logged_at: Instant,
    failures: u64,
}

impl ErrorLog {
    /// `work` is what fails, as a gerund: "renewing the lease".
    pub const fn new(work: &'static str) -> Self {
        Self::with(Cow::Borrowed(work))
    }

    /// The same for work on one of several things, which `work` names: "renewing the lease of a".
    pub const fn of(work: String) -> Self {
        Self::with(Cow::Owned(work))
    }

    const fn with(work: Cow<'static, str>) -> Self {
        let state = Outages { outage: None, ended_at: None, settle_time: MIN_SETTLE_TIME };
        Self { work, is_failing: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// Counts a failure. Returns the number of failures in this outage if it must be logged. See
    /// [`warn_failure`](crate::warn_failure).
    pub fn failed(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let Some(outage) = &mut state.outage else {
            state.begin(now);
            self.is_failing.store(true, Ordering::Relaxed);
            return Some(1);
        };
        outage.failures += 1;
        outage.failed_at = now;
        let is_due = now.saturating_duration_since(outage.logged_at) >= SUMMARY_INTERVAL;
        is_due.then(|| {
            outage.logged_at = now;
            outage.failures
        })
    }

    /// Records a success, and logs the end of the outage if this is the end. Costs next to nothing when there is no outage.
    pub fn succeeded(&self) {
        if !self.is_failing.load(Ordering::Relaxed) {
            return;
        }
        if let Some(Outage { began_at, failed_at, failures, .. }) = self.end() {
            let seconds = failed_at.saturating_duration_since(began_at).as_secs_f64();
            let (work, times) = (&self.work, if failures == 1 { "failure" } else { "failures" });
            tracing::info!("{work} works again after {failures} {times} in {seconds:.1} s");
        }
    }

    fn end(&self) -> Option<Outage> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let settle_time = state.settle_time;
        let ended =
            state.outage.take_if(|outage| now.saturating_duration_since(outage.failed_at) >= settle_time)?;
        state.ended_at = Some(now);
        self.is_failing.store(false, Ordering::Relaxed);
        Some(ended)
    }
}

impl Outages {
    fn begin(&mut self, now: Instant) {
        let is_soon = |ended_at| now.saturating_duration_since(ended_at) < SUMMARY_INTERVAL;
        self.settle_time = match self.ended_at {
            Some(ended_at) if is_soon(ended_at) => (self.settle_time * 2).min(SUMMARY_INTERVAL),
            _ => MIN_SETTLE_TIME,
        };
        self.outage = Some(Outage { began_at: now, failed_at: now, logged_at: now, failures: 1 });
    }
}

/// Logs a warning for a failure that an [`ErrorLog`] lets through, with the number of failures so far.
///
/// The first argument is the log, the others are those of `tracing::warn`.
#[macro_export]
macro_rules! warn_failure {
    ($log:expr, $($line:tt)+) => {
        if let Some(failures) = $log.failed() {
            $crate::tracing::warn!(failures, $($line)+);
        }
    };
}

/// As [`warn_failure`](crate::warn_failure), at the level of errors: for what is lost.
#[macro_export]
macro_rules! error_failure {
    ($log:expr, $($line:tt)+) => {
        if let Some(failures) = $log.failed() {
            $crate::tracing::error!(failures, $($line)+);
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn outage_is_logged_when_it_begins_each_minute_and_at_its_end() {
        let log = ErrorLog::new("work");
        let mut logged = Vec::new();
        for _ in 0..130 {
            logged.extend(log.failed());
            advance(SECOND).await;
        }
        assert_eq!(logged, [1, 61, 121]);
        assert!(log.end().is_none(), "others may still fail");
        advance(SECOND).await;
        assert_eq!(log.end().map(|outage| outage.failures), Some(130));
        assert!(log.end().is_none());
        advance(SUMMARY_INTERVAL).await;
        assert_eq!(log.failed(), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn errors_that_come_and_go_are_bounded_too() {
        let log = ErrorLog::of("work".to_owned());
        let mut lines = 0;
        for second in 0..600 {
            advance(SECOND).await;
            lines += if second % 6 < 3 { log.failed().is_some() } else { log.end().is_some() } as u32;
        }
        assert!(lines <= 16, "{lines} lines in 10 minutes");
    }
}
