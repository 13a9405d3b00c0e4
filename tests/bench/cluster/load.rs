//! The load: `switchboard load`, a process of its own, which prints what it measured as JSON.

use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;
use testkit::process;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// How long its next line may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// One that runs; killed when dropped.
pub struct Load {
    what: String,
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What `load calls` measured; NaN for what it has none of.
pub struct Calls {
    pub per_second: f64,
    pub count: f64,
    /// From `call` to `incomingcall`, at the median and for the slowest of a hundred; milliseconds.
    pub ring: f64,
    pub ring_late: f64,
    pub report: Value,
}

impl Load {
    /// Starts `switchboard load KIND --url ... OPTIONS`.
    pub fn start(kind: &str, urls: &[String], options: &[(&str, f64)]) -> Self {
        let mut command = Command::from(process::command(&["load", kind, "--quiet"]));
        for url in urls {
            command.args(["--url", url]);
        }
        for (option, value) in options {
            command.arg(option).arg(value.to_string());
        }
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { what: format!("load {kind} {options:?}"), process, lines }
    }

    /// The next line that it prints.
    pub async fn line(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{} says nothing for {PATIENCE:?}", self.what));
        let line = line.unwrap().unwrap_or_else(|| panic!("{} ended without a result", self.what));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{} said {line}: {error}", self.what))
    }

    /// Waits until it has ended its sessions and itself.
    pub async fn end(mut self) {
        let ended = timeout(PATIENCE, self.process.wait()).await;
        ended.unwrap_or_else(|_| panic!("{} does not end", self.what)).unwrap();
    }
}

/// Runs `load calls` from start to end.
pub async fn calls(urls: &[String], options: &[(&str, f64)]) -> Calls {
    let mut load = Load::start("calls", urls, options);
    let report = load.line().await;
    load.end().await;
    let times = &report["ring_ms"];
    Calls {
        per_second: number(&report["calls_per_second"]),
        count: number(&report["calls"]),
        ring: number(&times["p50"]),
        ring_late: number(&times["p99"]),
        report,
    }
}

impl Calls {
    /// How many calls went wrong, whatever way.
    pub fn failed(&self) -> f64 {
        errors(&self.report)
    }

    /// How many went wrong in a way that begins with these words.
    pub fn failed_with(&self, words: &str) -> f64 {
        self.failures().filter(|(what, _)| what.starts_with(words)).map(|(_, count)| count).sum()
    }

    /// In which ways they went wrong, and how often.
    pub fn failures(&self) -> impl Iterator<Item = (&str, f64)> {
        failures(&self.report)
    }
}

/// How many errors a report has.
pub fn errors(report: &Value) -> f64 {
    failures(report).map(|(_, count)| count).sum()
}

fn failures(report: &Value) -> impl Iterator<Item = (&str, f64)> {
    let kinds = report["errors"].as_object().into_iter().flatten();
    kinds.map(|(what, count)| (what.as_str(), number(count)))
}

/// NaN for what is no number.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
