//! What a run prints: results as lines of JSON on its output, progress on standard error.

use crate::error::Error;
use serde::Serialize;
use std::io::Write;
use std::time::Duration;
use tokio::time::interval;

const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Prints one line of JSON.
pub fn print_json(out: &mut dyn Write, line: &impl Serialize) -> Result<(), Error> {
    let line = serde_json::to_string(line).map_err(|error| Error::Output(error.into()))?;
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Error::Output)
}

/// Rounds to three decimal places.
pub fn round(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// Prints a line of progress, unless `quiet`.
pub fn print_progress(quiet: bool, line: &str) {
    if !quiet {
        eprintln!("{line}");
    }
}

/// Prints a line of progress each second, and never returns. `line` receives the number of the second.
pub async fn print_every_second(quiet: bool, mut line: impl FnMut(u64) -> String) {
    let mut ticks = interval(PROGRESS_INTERVAL);
    ticks.tick().await;
    for second in 1.. {
        ticks.tick().await;
        print_progress(quiet, &line(second));
    }
}
