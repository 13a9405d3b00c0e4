//! What whoever runs it may want different, by environment variables; docs/performance.md lists them.

use std::env;
use std::str::FromStr;

/// How much is measured.
pub struct Settings {
    /// How often each system has its turn.
    pub rounds: usize,
    /// How long one measurement takes.
    pub seconds: f64,
    /// How many idle clients there are, and how many connect at once; half as many come back to an edge that
    /// restarts.
    pub clients: usize,
    /// How many names are many.
    pub names: usize,
    /// Whether docs/performance.svg is drawn.
    pub record: bool,
    /// The parts to measure; all, where it is empty.
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

    /// Whether this part is wanted.
    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|it| it == part)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn number<T: FromStr>(variable: &str, usual: T) -> T {
    match env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
        Err(_) => usual,
    }
}
