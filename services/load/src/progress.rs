//! What a run tells on standard error while it lasts.

use crate::errors::Errors;
use std::time::Duration;
use tokio::time::interval;

const EVERY: Duration = Duration::from_secs(1);

/// Says something, unless it is to be quiet.
pub fn say(quiet: bool, words: &str) {
    if !quiet {
        eprintln!("{words}");
    }
}

/// Says once a second how many calls there were and what went wrong, for ever.
pub async fn watch(quiet: bool, so_far: impl Fn() -> (u64, Errors)) {
    let (mut ticks, mut before) = (interval(EVERY), 0);
    ticks.tick().await;
    for second in 1_u64.. {
        ticks.tick().await;
        let (calls, errors) = so_far();
        say(quiet, &format!("{second} s: {calls} calls, {}/s, {errors}", calls - before));
        before = calls;
    }
}
