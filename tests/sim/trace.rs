//! What happened in a run, line by line with the time on its clock: what two runs of one seed are
//! compared by, and what is printed of one that fails.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

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

/// From now on, on this thread, what services log is in the trace too, until what is returned is dropped.
pub fn with_logs(trace: &Trace) -> impl Drop + use<> {
    let (trace, wanted) =
        (trace.clone(), EnvFilter::new("edge=debug,router=debug,connector=debug,bus=debug"));
    let log = tracing_subscriber::fmt().with_env_filter(wanted).without_time().with_ansi(false);
    log.with_writer(move || Line(trace.clone())).finish().set_default()
}

/// A line of the log.
struct Line(Trace);

impl Write for Line {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.note("log", String::from_utf8_lossy(text).trim());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
