//! What a run tells on standard error while it lasts.

use std::time::Duration;
use tokio::time::interval;

const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Says something, unless it is to be quiet.
pub fn print_status(quiet: bool, words: &str) {
    if !quiet {
        eprintln!("{words}");
    }
}

/// Says something once a second, for ever; `tell` is given the second.
pub async fn print_every_second(quiet: bool, mut tell: impl FnMut(u64) -> String) {
    let mut ticks = interval(PROGRESS_INTERVAL);
    ticks.tick().await;
    for second in 1.. {
        ticks.tick().await;
        print_status(quiet, &tell(second));
    }
}
