//! What a run tells on standard error while it lasts.

use std::time::Duration;
use tokio::time::interval;

const EVERY: Duration = Duration::from_secs(1);

/// Says something, unless it is to be quiet.
pub fn say(quiet: bool, words: &str) {
    if !quiet {
        eprintln!("{words}");
    }
}

/// Says something once a second, for ever; `tell` is given the second.
pub async fn watch(quiet: bool, mut tell: impl FnMut(u64) -> String) {
    let mut ticks = interval(EVERY);
    ticks.tick().await;
    for second in 1.. {
        ticks.tick().await;
        say(quiet, &tell(second));
    }
}
