//! Runs the load generator by its command line.

use clap::Parser;
use load::{Error, Load, Output};
use serde_json::Value;
use service::CancellationToken;
use std::sync::{Arc, Mutex};

#[derive(Debug, Parser)]
struct CommandLine {
    #[command(subcommand)]
    load: Load,
}

/// Parses a command line.
pub fn load(command: &str) -> Result<Load, String> {
    let words = ["load"].into_iter().chain(command.split_whitespace()).chain(["--quiet"]);
    CommandLine::try_parse_from(words).map(|line| line.load).map_err(|error| error.to_string())
}

/// Runs until the time is over or `stop` is cancelled, and returns the printed lines.
pub async fn run_until(command: &str, stop: CancellationToken) -> Result<Vec<Value>, Error> {
    let printed = Arc::new(Mutex::new(Vec::new()));
    let text = printed.clone();
    let out: Output = Arc::new(move |line| {
        text.lock().unwrap().extend_from_slice(line);
        Ok(())
    });
    load::run(&load(command).unwrap(), &out, stop).await?;
    let lines = String::from_utf8(printed.lock().unwrap().clone()).unwrap();
    Ok(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Runs to the end, and returns the one printed line.
pub async fn run(command: &str) -> Value {
    let lines = run_until(command, CancellationToken::new()).await.unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().unwrap()
}
