//! Whether roads have room for another message, without asking each time.
//!
//! A send looks at the length of its road, in the same step, when nobody in this process has for
//! [`FRESH`]; those after it count their own messages on top of that. So what this process sends never
//! passes the bound; what others send in that time may, by as much as they send in it.

use crate::MAX_BACKLOG;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::{Duration, Instant};

/// How long a look is good for.
const FRESH: Duration = Duration::from_millis(100);
/// Roads that are remembered; then those are forgotten whose look is old.
const MANY: usize = 1024;

/// What is known of the length of roads, by their keys.
#[derive(Default)]
pub(super) struct Room(Mutex<HashMap<String, Look>>);

struct Look {
    at: Instant,
    /// Messages that were there then, and those sent from here since.
    length: usize,
}

impl Room {
    /// Whether a message may be added without a look; then it counts.
    pub(super) fn take(&self, key: &str) -> bool {
        let mut looks = self.lock();
        let Some(look) = looks.get_mut(key) else { return false };
        let may = look.length < MAX_BACKLOG && look.at.elapsed() < FRESH;
        look.length += usize::from(may);
        may
    }

    /// A road had this many messages.
    pub(super) fn note(&self, key: &str, length: usize) {
        let (mut looks, at) = (self.lock(), Instant::now());
        if looks.len() >= MANY {
            looks.retain(|_, look| look.at.elapsed() < FRESH);
        }
        looks.insert(key.to_owned(), Look { at, length });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_look_is_good_for_a_while_and_for_as_many_as_there_is_room() {
        let room = Room::default();
        assert!(!room.take("road"));
        room.note("road", MAX_BACKLOG - 2);
        assert_eq!([(); 3].map(|()| room.take("road")), [true, true, false]);
        room.note("road", 0);
        assert!(room.take("road"));
        tokio::time::advance(FRESH).await;
        assert!(!room.take("road"));
    }
}
