//! What happened in a run, line by line with the time on its clock: what two runs of one seed are
//! compared by, and what is printed of one that fails.

use std::fmt::Display;
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

/// A trace; clones write to the same.
#[derive(Clone)]
pub struct Trace {
    start: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Trace {
    /// One that begins now and goes to these lines.
    pub fn new(lines: Arc<Mutex<Vec<String>>>) -> Self {
        Self { start: Instant::now(), lines }
    }

    /// Writes a line about this moment.
    pub fn note(&self, who: &str, what: impl Display) {
        self.note_at(Instant::now(), who, what);
    }

    /// Writes a line about a moment that is over.
    pub fn note_at(&self, at: Instant, who: &str, what: impl Display) {
        let time = at.duration_since(self.start).as_secs_f64();
        self.lines.lock().unwrap().push(format!("{time:10.3} {who:<8} {what}"));
    }
}
