//! Redis' clock, the only one that counts, and times as Redis takes them: in milliseconds.

use common::entropy::unix_micros;
use std::time::Duration;

/// What `TIME` answers: seconds and microseconds.
pub(super) type RedisTime = (u64, u64);

/// How long ago a moment was that is written in milliseconds.
pub(super) fn elapsed_since(moment: u64, (seconds, micros): RedisTime) -> Duration {
    Duration::from_millis((seconds * 1_000 + micros / 1_000).saturating_sub(moment))
}

/// No more than Redis' arithmetic takes.
pub(super) fn capped_millis(time: Duration) -> u64 {
    const CENTURY: u128 = 100 * 365 * 24 * 60 * 60 * 1_000;
    time.as_millis().min(CENTURY) as u64
}

/// At least one: what is to live for none is not written at all.
pub(super) fn ttl_millis(time: Duration) -> u64 {
    capped_millis(time).max(1)
}

/// Seconds since 1970 by our own clock, as janus-cloud writes them, for a reader: nothing is decided by it.
pub(super) fn local_unix_seconds() -> String {
    let micros = unix_micros();
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
