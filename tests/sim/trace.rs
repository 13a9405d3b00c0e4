//! The events of a run, each with its simulated time. Two runs of one seed are compared by it, and it is
//! printed when a run fails.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// A trace. Clones write to the same one.
#[derive(Clone)]
pub struct Trace {
    start: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Trace {
    /// A trace that begins now and writes to these lines.
    pub fn new(lines: Arc<Mutex<Vec<String>>>) -> Self {
        Self { start: Instant::now(), lines }
    }

    /// Adds an event at the current time. `who` is a client, or the kind of the line.
    pub fn note(&self, who: &str, what: impl Display) {
        self.note_at(Instant::now(), who, what);
    }

    /// Adds an event of an earlier time.
    pub fn note_at(&self, at: Instant, who: &str, what: impl Display) {
        let time = at.duration_since(self.start).as_secs_f64();
        self.lines.lock().unwrap().push(format!("{time:10.3} {who:<8} {what}"));
    }
}

/// Adds the logs of services on this thread to the trace, until the returned guard is dropped.
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
