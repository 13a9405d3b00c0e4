//! The clock of the cluster, which is Redis' clock.
//!
//! The wall clock of a machine may be wrong, and may jump. So no service compares it with a time that another process
//! wrote. A service measures how far Redis' clock is ahead of its own monotonic clock ([`Measurement`]), and derives the
//! time from both. A process without Redis is a cluster of its own, and uses its wall clock.
//!
//! Redis reads its clock between the request and the reply, so each measurement bounds the offset from both sides. A
//! measurement changes the offset only as far as its bounds require: a slow reply spoils no earlier, better one, and a
//! jump of Redis' clock is followed by the next measurement. The error is at most one round trip.

use crate::entropy::{simulated_millis, system_micros};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The zero of this process' monotonic clock.
static ANCHOR: LazyLock<Instant> = LazyLock::new(Instant::now);
/// Microseconds by which Redis' clock is ahead of the monotonic clock; [`UNKNOWN`] before the first measurement.
static OFFSET: AtomicI64 = AtomicI64::new(UNKNOWN);
/// When the last measurement ended, by the monotonic clock.
static MEASURED_AT: AtomicU64 = AtomicU64::new(0);
const UNKNOWN: i64 = i64::MIN;

/// Returns milliseconds since 1970 by the clock of the cluster.
pub fn unix_millis() -> u64 {
    simulated_millis().unwrap_or_else(|| now_micros() / 1_000)
}

/// Returns microseconds since 1970 by the clock of the cluster.
pub fn unix_micros() -> u64 {
    simulated_millis().map_or_else(now_micros, |millis| millis * 1_000)
}

/// Returns seconds since 1970 by whichever is earlier: the clock of the cluster, or the wall clock of this machine.
/// One wrong clock then lets nothing expire too early.
pub fn earliest_unix_seconds() -> u64 {
    let system = if simulated_millis().is_some() { u64::MAX } else { system_micros() / 1_000_000 };
    system.min(unix_millis() / 1_000)
}

/// Returns by how many milliseconds the wall clock of this machine is ahead of the cluster's clock; negative when it is
/// behind. `None` before the first measurement, and without Redis.
pub fn skew_millis() -> Option<i64> {
    let offset = offset()?;
    let cluster = monotonic_micros().saturating_add_signed(offset);
    let system = i64::try_from(system_micros()).unwrap_or(i64::MAX);
    Some(system.saturating_sub_unsigned(cluster) / 1_000)
}

/// Returns the time since the last measurement.
pub fn since_measurement() -> Duration {
    Duration::from_micros(monotonic_micros().saturating_sub(MEASURED_AT.load(Ordering::Relaxed)))
}

/// A measurement of Redis' clock, which begins before the request.
pub struct Measurement {
    sent: u64,
}

impl Measurement {
    /// Begins a measurement. The request for the time follows.
    pub fn begin() -> Self {
        Self { sent: monotonic_micros() }
    }

    /// Ends it with the reply: what Redis' clock showed, in microseconds since 1970.
    pub fn end(self, server_micros: u64) {
        let received = monotonic_micros();
        let server = i64::try_from(server_micros).unwrap_or(i64::MAX);
        let bounds = (server.saturating_sub_unsigned(received), server.saturating_sub_unsigned(self.sent));
        let _ = OFFSET.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |offset| {
            Some(adjusted((offset != UNKNOWN).then_some(offset), bounds))
        });
        MEASURED_AT.store(received, Ordering::Relaxed);
    }
}

/// The offset within these bounds that is nearest to the earlier one.
fn adjusted(offset: Option<i64>, (low, high): (i64, i64)) -> i64 {
    offset.map_or(low.midpoint(high), |offset| offset.clamp(low, high))
}

fn offset() -> Option<i64> {
    Some(OFFSET.load(Ordering::Relaxed)).filter(|offset| *offset != UNKNOWN)
}

fn now_micros() -> u64 {
    offset().map_or_else(system_micros, |offset| monotonic_micros().saturating_add_signed(offset))
}

fn monotonic_micros() -> u64 {
    ANCHOR.elapsed().as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reply_spoils_no_better_measurement() {
        assert_eq!(adjusted(None, (100, 140)), 120);
        assert_eq!(adjusted(Some(120), (-2_000_000, 200)), 120);
        assert_eq!(adjusted(Some(120), (130, 140)), 130);
    }

    #[test]
    fn a_jump_of_redis_clock_is_followed_by_the_next_measurement() {
        let hour = 3_600_000_000;
        assert_eq!(adjusted(Some(120), (hour, hour + 40)), hour);
        assert_eq!(adjusted(Some(120), (-hour, 40 - hour)), 40 - hour);
    }

    /// One test for all that reads the shared offset.
    #[test]
    fn time_is_by_redis_clock_once_it_is_measured() {
        assert_eq!(skew_millis(), None);
        assert!(unix_millis().abs_diff(system_micros() / 1_000) < 1_000);
        for (ahead, earliest) in [(3_600_000_000_i64, 0), (-15_000_000, 15)] {
            let system = system_micros();
            Measurement::begin().end(system.saturating_add_signed(ahead));
            assert!(unix_micros().abs_diff(system.saturating_add_signed(ahead)) < 1_000_000);
            assert!((skew_millis().expect("it is measured") + ahead / 1_000).abs() < 1_000);
            assert!((system / 1_000_000 - earliest).abs_diff(earliest_unix_seconds()) <= 1);
            assert!(since_measurement() < Duration::from_secs(1));
        }
        // What a broken or hostile server sends is no panic.
        Measurement::begin().end(u64::MAX);
        Measurement::begin().end(0);
        assert!(unix_millis() < 1_000);
    }
}
