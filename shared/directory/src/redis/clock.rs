//! Redis' clock, the only one that decides anything, and durations in the units that Redis takes.

use common::entropy::unix_micros;
use std::time::Duration;

/// The reply to `TIME`: seconds and microseconds.
pub(super) type RedisTime = (u64, u64);

/// Returns the time since an instant in unix milliseconds.
pub(super) fn elapsed_since(unix_millis: u64, (seconds, micros): RedisTime) -> Duration {
    Duration::from_millis((seconds * 1_000 + micros / 1_000).saturating_sub(unix_millis))
}

/// Converts to milliseconds, bounded so that sums stay exact in Lua.
pub(super) fn capped_millis(time: Duration) -> u64 {
    const CENTURY: u128 = 100 * 365 * 24 * 60 * 60 * 1_000;
    time.as_millis().min(CENTURY) as u64
}

/// Converts a TTL to milliseconds. Returns at least 1: Redis refuses a TTL of 0.
pub(super) fn ttl_millis(time: Duration) -> u64 {
    capped_millis(time).max(1)
}

/// Returns the unix time in seconds by this machine's clock, in janus-cloud's format. It is for readers of
/// the record; nothing depends on it.
pub(super) fn local_unix_seconds() -> String {
    let micros = unix_micros();
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
