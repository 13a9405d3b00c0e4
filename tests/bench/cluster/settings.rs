//! Settings from environment variables. docs/performance.md lists them.

use std::env;
use std::str::FromStr;

/// The extent of a run.
pub struct Settings {
    /// Rounds per system.
    pub rounds: usize,
    /// Duration of one measurement.
    pub seconds: f64,
    /// Number of idle clients, and of clients that connect at once. Half as many reconnect to an edge that
    /// restarts.
    pub clients: usize,
    /// Number of names in the larger cluster.
    pub names: usize,
    /// Whether docs/performance.svg is written.
    pub record: bool,
    /// The parts to measure. Empty means all.
    pub only: Vec<String>,
}

impl Settings {
    pub fn from_environment() -> Self {
        Self {
            rounds: number("BENCH_ROUNDS", 5),
            seconds: number("BENCH_SECONDS", 3.0),
            clients: number("BENCH_CLIENTS", 10_000),
            names: number("BENCH_NAMES", 500_000),
            record: env::var("BENCH_RECORD").is_ok_and(|it| it == "1"),
            only: words(&env::var("BENCH_ONLY").unwrap_or_default()),
        }
    }

    /// Whether this part is to be measured.
    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|it| it == part)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn number<T: FromStr>(variable: &str, default: T) -> T {
    match env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
        Err(_) => default,
    }
}
