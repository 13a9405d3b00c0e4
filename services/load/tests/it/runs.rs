//! A run as the command line starts it, and what it prints.

use clap::Parser;
use load::{Error, Load};
use serde_json::Value;
use service::CancellationToken;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    load: Load,
}

/// The load that such a command line asks for.
pub fn load(line: &str) -> Result<Load, String> {
    let words = ["load"].into_iter().chain(line.split_whitespace()).chain(["--quiet"]);
    Line::try_parse_from(words).map(|line| line.load).map_err(|error| error.to_string())
}

/// Runs it, until its time is over or `stop` says so; returns the lines it prints.
pub async fn run_until(line: &str, stop: CancellationToken) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    load::run(&load(line).unwrap(), &mut out, stop).await?;
    let lines = String::from_utf8(out).unwrap();
    Ok(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Runs it to its end; returns the one line it prints.
pub async fn run(line: &str) -> Value {
    let lines = run_until(line, CancellationToken::new()).await.unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().unwrap()
}
