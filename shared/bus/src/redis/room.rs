//! Whether roads have room for another message, without asking each time.
//!
//! A send looks at the length of its road, in the same step, when nobody in this process has for
//! [`FRESH`]; those after it count their own messages on top of that. So what this process sends never
//! passes the bound; what others send in that time may, by as much as they send in it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::{Duration, Instant};

/// How long a look is good for.
const SAMPLE_TTL: Duration = Duration::from_millis(100);
/// Roads that are remembered; then those are forgotten whose look is old.
const MAX_CACHED: usize = 1024;

/// What is known of the length of roads, by their keys.
#[derive(Default)]
pub(super) struct LengthCache(Mutex<HashMap<String, Sample>>);

struct Sample {
    at: Instant,
    /// Messages that were there at most, by this look and those that were under way with it.
    length: usize,
    /// Messages that were added since without a look.
    added: usize,
    /// Those of them, or of an earlier look, that may not be there yet.
    in_flight: Arc<AtomicUsize>,
}

/// A message that is being added without a look, until this is dropped.
pub(super) struct InFlight(Arc<AtomicUsize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LengthCache {
    /// The way for a message that may be added without a look to a road with less than so many.
    pub(super) fn reserve(&self, key: &str, bound: usize) -> Option<InFlight> {
        let mut looks = self.lock();
        let look = looks.get_mut(key).filter(|look| look.is_fresh())?;
        if look.upper_bound() >= bound {
            return None;
        }
        look.added += 1;
        look.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(InFlight(look.in_flight.clone()))
    }

    /// Whether a road had so many messages lately.
    pub(super) fn has_at_least(&self, key: &str, many: usize) -> bool {
        self.lock().get(key).is_some_and(|look| look.is_fresh() && look.upper_bound() >= many)
    }

    /// A road had this many messages.
    pub(super) fn record(&self, key: &str, length: usize) {
        let mut looks = self.lock();
        match looks.get_mut(key) {
            Some(look) if look.is_fresh() => look.length = look.length.max(length),
            Some(look) => {
                let added = look.in_flight.load(Ordering::Relaxed);
                *look = Sample { at: Instant::now(), length, added, in_flight: look.in_flight.clone() };
            }
            None => {
                if looks.len() >= MAX_CACHED {
                    looks.retain(|_, look| look.is_fresh());
                }
                let look = Sample { at: Instant::now(), length, added: 0, in_flight: Arc::default() };
                looks.insert(key.to_owned(), look);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    const ROAD: &str = "road";
    const BOUND: usize = 1_000;

    #[tokio::test(start_paused = true)]
    async fn a_look_is_good_for_a_while_and_for_as_many_as_there_is_room() {
        let room = LengthCache::default();
        assert!(room.reserve(ROAD, BOUND).is_none());
        room.record(ROAD, BOUND - 2);
        assert_eq!([(); 3].map(|()| room.reserve(ROAD, BOUND).is_some()), [true, true, false]);
        tokio::time::advance(SAMPLE_TTL).await;
        assert!(room.reserve(ROAD, BOUND).is_none());
        room.record(ROAD, 0);
        assert!(room.reserve(ROAD, BOUND).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_counts_at_the_next_look() {
        let room = LengthCache::default();
        room.record(ROAD, 0);
        let flying = room.reserve(ROAD, BOUND);
        tokio::time::advance(SAMPLE_TTL).await;
        room.record(ROAD, BOUND - 1);
        assert!(room.reserve(ROAD, BOUND).is_none());
        drop(flying);
        tokio::time::advance(SAMPLE_TTL).await;
        room.record(ROAD, BOUND - 1);
        assert!(room.reserve(ROAD, BOUND).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_look_that_comes_later_makes_no_room() {
        let room = LengthCache::default();
        room.record(ROAD, BOUND);
        room.record(ROAD, 1);
        assert!(room.reserve(ROAD, BOUND).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_road_is_crowded_for_some_while_others_may_still_be_added() {
        let room = LengthCache::default();
        assert!(!room.has_at_least(ROAD, 1));
        room.record(ROAD, BOUND / 2);
        assert!(room.has_at_least(ROAD, BOUND / 2) && room.reserve(ROAD, BOUND / 2).is_none());
        assert!(room.reserve(ROAD, BOUND).is_some());
        tokio::time::advance(SAMPLE_TTL).await;
        assert!(!room.has_at_least(ROAD, BOUND / 2));
    }
}
