//! The answers to `list`, shared by all who ask.
//!
//! Requests that arrive during a scan share the next one, and its error. A list of many bytes is given again for [`MAX_AGE`], so it
//! may be that old; a short one is always read anew.

use directory::{Directory, Result};
use protocol::{Raw, videocall};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a long list is given again.
const MAX_AGE: Duration = Duration::from_secs(1);
/// A list of more bytes is a long one.
const LONG: usize = 4 * 1024;

/// The latest answer.
#[derive(Default)]
pub struct Lists {
    latest: Mutex<Option<Latest>>,
}

struct Latest {
    /// When its scan began.
    at: Instant,
    answer: Result<Raw>,
}

impl Lists {
    /// Returns the plugin data of a `list` result.
    ///
    /// # Errors
    /// Those of the directory.
    pub async fn get(&self, directory: &Directory) -> Result<Raw> {
        self.get_from(async || directory.usernames().await).await
    }

    async fn get_from(&self, scan: impl AsyncFnOnce() -> Result<Vec<String>>) -> Result<Raw> {
        let asked_at = Instant::now();
        let mut latest = self.latest.lock().await;
        if let Some(known) = latest.as_ref().filter(|known| known.serves(asked_at)) {
            return known.answer.clone();
        }
        let at = Instant::now();
        let answer = scan().await.map(|names| videocall::list(&names));
        *latest = Some(Latest { at, answer: answer.clone() });
        answer
    }
}

impl Latest {
    fn serves(&self, asked_at: Instant) -> bool {
        let is_long = self.answer.as_ref().is_ok_and(|answer| answer.get().len() > LONG);
        self.at > asked_at || (is_long && self.at.elapsed() < MAX_AGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ServiceId;
    use directory::Error;
    use directory::record::Owner;
    use futures_util::future::join_all;
    use protocol::{HandleId, HandleRef, SessionId};
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn register(directory: &Directory, name: &str) {
        let handle = HandleRef { session: SessionId(1), handle: HandleId(1) };
        directory.grant_name(name, &Owner { edge: ServiceId::from("edge-1"), handle }, None).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn long_list_is_given_again_for_a_second() {
        let (lists, directory) = (Lists::default(), Directory::memory());
        register(&directory, "alice").await;
        let short = lists.get(&directory).await.unwrap();
        register(&directory, &"long".repeat(LONG)).await;
        let long = lists.get(&directory).await.unwrap();
        assert_ne!(short.get(), long.get());
        register(&directory, "bob").await;
        assert_eq!(lists.get(&directory).await.unwrap().get(), long.get());
        tokio::time::advance(MAX_AGE).await;
        assert!(lists.get(&directory).await.unwrap().get().contains("bob"));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_share_an_error() {
        let (lists, scans) = (Lists::default(), AtomicUsize::new(0));
        let get = || {
            lists.get_from(async || {
                scans.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(Error::Unavailable("refused".to_owned()))
            })
        };
        let answers = join_all((0..10).map(|_| get())).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(scans.load(Ordering::Relaxed), 2, "the first, and one for those that waited");
    }
}
