//! Runs `switchboard load` as a separate process, which prints its measurements as JSON.

use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;
use testkit::process;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Time limit for the next line of output.
const LINE_TIMEOUT: Duration = Duration::from_secs(180);

/// A running load process. It is killed when dropped.
pub struct Load {
    what: String,
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// The figures of `load calls`. A missing figure is NaN.
pub struct Calls {
    pub per_second: f64,
    pub count: f64,
    /// From `call` to `incomingcall`, median and 99th percentile, in milliseconds.
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

    /// Reads the next line of output.
    pub async fn line(&mut self) -> Value {
        let line = timeout(LINE_TIMEOUT, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{} printed nothing for {LINE_TIMEOUT:?}", self.what));
        let line = line.unwrap().unwrap_or_else(|| panic!("{} ended without a result", self.what));
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{} printed an invalid line: {error}: {line}", self.what))
    }

    /// Waits until the process has closed its sessions and has exited.
    pub async fn end(mut self) {
        let ended = timeout(LINE_TIMEOUT, self.process.wait()).await;
        ended.unwrap_or_else(|_| panic!("{} did not exit in time", self.what)).unwrap();
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
    /// Number of failed calls.
    pub fn failed(&self) -> f64 {
        errors(&self.report)
    }

    /// Number of calls that failed with an error that begins with `words`.
    pub fn failed_with(&self, words: &str) -> f64 {
        self.failures().filter(|(what, _)| what.starts_with(words)).map(|(_, count)| count).sum()
    }

    /// The kinds of failures, with their counts.
    pub fn failures(&self) -> impl Iterator<Item = (&str, f64)> {
        failures(&self.report)
    }
}

/// Number of errors in a report.
pub fn errors(report: &Value) -> f64 {
    failures(report).map(|(_, count)| count).sum()
}

fn failures(report: &Value) -> impl Iterator<Item = (&str, f64)> {
    let kinds = report["errors"].as_object().into_iter().flatten();
    kinds.map(|(what, count)| (what.as_str(), number(count)))
}

/// Returns NaN for a value that is not a number.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
