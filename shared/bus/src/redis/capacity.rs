//! The lengths of streams, from recent sends, so that most sends need not check.
//!
//! A send checks the length of its stream in the same step if this process has not done so for [`SAMPLE_TTL`]. Later
//! sends add their own messages to the sampled length. So this process never exceeds the limit of a stream. Other
//! processes may, by what they send within that time.

use common::sync::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::{Duration, Instant};

/// A sampled length is used for this long.
const SAMPLE_TTL: Duration = Duration::from_millis(100);
/// With more streams than this, expired samples are removed.
const MAX_CACHED: usize = 1024;

/// The sampled lengths, by the keys of the streams.
#[derive(Default)]
pub(super) struct LengthCache(Mutex<HashMap<String, Sample>>);

struct Sample {
    at: Instant,
    /// The greatest length that checked sends have reported since the sample was taken.
    length: usize,
    /// Messages that this process has added since then, without a check.
    added: usize,
    /// Messages added without a check, for this or an earlier sample, that may not have arrived.
    in_flight: Arc<AtomicUsize>,
}

/// A message that is being added without a check, until this is dropped.
pub(super) struct InFlight(Arc<AtomicUsize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LengthCache {
    /// Permits one message without a check, if the stream is known to be shorter than `limit`.
    pub(super) fn reserve(&self, key: &str, limit: usize) -> Option<InFlight> {
        let mut samples = self.0.lock();
        let sample = samples.get_mut(key).filter(|sample| sample.is_fresh())?;
        if sample.upper_bound() >= limit {
            return None;
        }
        sample.added += 1;
        sample.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(InFlight(sample.in_flight.clone()))
    }

    /// Returns whether a stream recently had at least `count` messages.
    pub(super) fn has_at_least(&self, key: &str, count: usize) -> bool {
        self.0.lock().get(key).is_some_and(|sample| sample.is_fresh() && sample.upper_bound() >= count)
    }

    /// Records the length of a stream.
    pub(super) fn record(&self, key: &str, length: usize) {
        let mut samples = self.0.lock();
        match samples.get_mut(key) {
            Some(sample) if sample.is_fresh() => sample.length = sample.length.max(length),
            Some(sample) => {
                let added = sample.in_flight.load(Ordering::Relaxed);
                *sample = Sample { at: Instant::now(), length, added, in_flight: sample.in_flight.clone() };
            }
            None => {
                if samples.len() >= MAX_CACHED {
                    samples.retain(|_, sample| sample.is_fresh());
                }
                let sample = Sample { at: Instant::now(), length, added: 0, in_flight: Arc::default() };
                samples.insert(key.to_owned(), sample);
            }
        }
    }
}

impl Sample {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < SAMPLE_TTL
    }

    fn upper_bound(&self) -> usize {
        self.length + self.added
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "stream";
    const LIMIT: usize = 1_000;

    #[tokio::test(start_paused = true)]
    async fn sample_permits_sends_up_to_the_limit_for_a_while() {
        let cache = LengthCache::default();
        assert!(cache.reserve(STREAM, LIMIT).is_none());
        cache.record(STREAM, LIMIT - 2);
        assert_eq!([(); 3].map(|()| cache.reserve(STREAM, LIMIT).is_some()), [true, true, false]);
        tokio::time::advance(SAMPLE_TTL).await;
        assert!(cache.reserve(STREAM, LIMIT).is_none());
        cache.record(STREAM, 0);
        assert!(cache.reserve(STREAM, LIMIT).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn sends_in_flight_count_in_the_next_sample() {
        let cache = LengthCache::default();
        cache.record(STREAM, 0);
        let in_flight = cache.reserve(STREAM, LIMIT);
        tokio::time::advance(SAMPLE_TTL).await;
        cache.record(STREAM, LIMIT - 1);
        assert!(cache.reserve(STREAM, LIMIT).is_none());
        drop(in_flight);
        tokio::time::advance(SAMPLE_TTL).await;
        cache.record(STREAM, LIMIT - 1);
        assert!(cache.reserve(STREAM, LIMIT).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn late_shorter_sample_permits_no_send() {
        let cache = LengthCache::default();
        cache.record(STREAM, LIMIT);
        cache.record(STREAM, 1);
        assert!(cache.reserve(STREAM, LIMIT).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn lower_limit_is_reached_first() {
        let cache = LengthCache::default();
        assert!(!cache.has_at_least(STREAM, 1));
        cache.record(STREAM, LIMIT / 2);
        assert!(cache.has_at_least(STREAM, LIMIT / 2) && cache.reserve(STREAM, LIMIT / 2).is_none());
        assert!(cache.reserve(STREAM, LIMIT).is_some());
        tokio::time::advance(SAMPLE_TTL).await;
        assert!(!cache.has_at_least(STREAM, LIMIT / 2));
    }
}
