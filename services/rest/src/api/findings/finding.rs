//! A finding: its parts, and the words they are made of.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Clients are affected, or will be soon.
    Critical,
    /// Needs attention today.
    Warning,
    /// Intended, or of no consequence.
    Info,
}

#[derive(Debug, Serialize)]
pub struct Finding {
    pub(super) severity: Severity,
    /// The kind of the finding, for scripts.
    pub(super) code: &'static str,
    pub(super) about: About,
    /// A sentence that stays the same while the finding lasts.
    pub(super) summary: String,
    /// The numbers, which change.
    pub(super) detail: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", content = "name", rename_all = "lowercase")]
pub enum About {
    /// All services of a kind, or all backends.
    Role(&'static str),
    Service(String),
    Backend(String),
    Stream(String),
    Calls(&'static str),
}

pub fn finding(
    severity: Severity,
    code: &'static str,
    about: About,
    summary: String,
    detail: impl Into<String>,
) -> Finding {
    Finding { severity, code, about, summary, detail: detail.into() }
}

/// , on HOST; nothing for an unknown host.
pub fn on(host: &str) -> String {
    if host.is_empty() { String::new() } else { format!(", on {host}") }
}

/// 1 message, 2 messages.
pub fn count(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

/// 30 ms, 0.4 s, 12 s, 3 min, 5 h, 2 days.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds as f64 / 1e3;
    match milliseconds {
        0..100 => format!("{milliseconds} ms"),
        100..9_950 => format!("{} s", (seconds * 10.0).round() / 10.0),
        9_950..119_500 => format!("{seconds:.0} s"),
        119_500..7_170_000 => format!("{:.0} min", seconds / 60.0),
        7_170_000..172_000_000 => format!("{:.0} h", seconds / 3_600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}
