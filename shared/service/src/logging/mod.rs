//! The log: lines on standard error, as text or as JSON.
//!
//! No caller waits for standard error and none sees its errors. Lines go into a bounded queue ([`queue`]), and a thread
//! of its own writes them ([`writer`]). A line is lost when the queue is full or when it cannot be written. Lost lines
//! are counted, and the log says how many were lost once it can be written again.
//!
//! A process has one log, so only an executable calls [`init`], never a service.

mod line;
mod queue;
mod writer;

pub use line::MAX_LINE;
pub use queue::MAX_QUEUED;

use crate::log_format::{VisibleJson, write_field};
use crate::options::{LogFormat, LogOptions};
use queue::LineQueue;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write, stderr};
use std::panic::{self, PanicHookInfo};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::debug_fn;
use writer::StandardError;

/// How long the end of the process may wait for the lines that are not written yet.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

static QUEUE: LineQueue = LineQueue::new();
/// Whether the thread that writes could be started; empty before the first attempt.
static WRITER: OnceLock<bool> = OnceLock::new();

/// The log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// `--log` cannot be parsed.
    #[error("invalid --log {filter:?}: {source}; try info, debug, or info,edge=debug")]
    Filter {
        /// The given value.
        filter: String,
        /// The error of the parser.
        source: ParseError,
    },
    /// The process has a log already.
    #[error("failed to start the log: {0}")]
    AlreadySet(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system gives this process no more threads.
    #[error("failed to start the thread that writes the log")]
    Thread,
}

/// Starts the log of this process. From now on it also has the message of each panic.
///
/// # Errors
/// When the filter cannot be parsed, or the process has a log already.
pub fn init(options: &LogOptions) -> Result<(), LoggingError> {
    let filter = filter(&options.log)?;
    if !start_writer(options.log_format) {
        return Err(LoggingError::Thread);
    }
    let format = options.log_format;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || LineWriter { format });
    match format {
        LogFormat::Text => lines
            .with_ansi(stderr().is_terminal())
            .fmt_fields(debug_fn(write_field).delimited(" "))
            .try_init(),
        LogFormat::Json => lines.json().flatten_event(true).map_event_format(VisibleJson).try_init(),
    }
    .map_err(LoggingError::AlreadySet)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Writes a line to standard error in its order among the lines of the log, without time and level. It needs no
/// [`init`], and neither waits nor fails.
pub fn write_line(text: &str) {
    if start_writer(LogFormat::Text) {
        QUEUE.push(line::terminated(text, LogFormat::Text).as_bytes());
    } else {
        // There is no thread to wait for, so a standard error that hangs blocks here.
        let _ = writeln!(StandardError, "{text}");
    }
}

/// Waits until all lines are written, at most for this time. The process calls it before it exits.
pub fn flush(within: Duration) {
    QUEUE.wait_written(within);
}

/// Returns how many lines were lost since the start.
pub fn lost_lines() -> u64 {
    QUEUE.lost()
}

/// Starts the thread that writes, unless it runs. Returns whether it runs.
fn start_writer(format: LogFormat) -> bool {
    *WRITER.get_or_init(|| {
        let run = move || writer::run(&QUEUE, StandardError, format);
        thread::Builder::new().name("log".to_owned()).spawn(run).is_ok()
    })
}

/// Replaces the hook of the standard library, which waits for standard error.
fn log_panic(info: &PanicHookInfo<'_>) {
    let location = info.location().map_or_else(|| "?".to_owned(), ToString::to_string);
    let message = info.payload_as_str().unwrap_or("?");
    let backtrace = Backtrace::capture();
    let thread = thread::current();
    let text = format!("thread {:?} panicked at {location}: {message}", thread.name().unwrap_or("?"));
    if tracing::event_enabled!(Level::ERROR) {
        tracing::error!("{text}");
    } else {
        write_line(&text);
    }
    if backtrace.status() == BacktraceStatus::Captured {
        write_line(&backtrace.to_string());
    }
}

/// What the subscriber writes each event to, as one line. It never fails: the subscriber reports an error with a macro
/// that panics when standard error cannot be written.
struct LineWriter {
    format: LogFormat,
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if line.len() <= MAX_LINE {
            QUEUE.push(line);
        } else {
            QUEUE.push(line::terminated(&String::from_utf8_lossy(line), self.format).as_bytes());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn filter(text: &str) -> Result<EnvFilter, LoggingError> {
    let invalid = |source| LoggingError::Filter { filter: text.to_owned(), source };
    EnvFilter::builder().parse(text).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek;
    use std::sync::Mutex;

    #[test]
    fn a_filter_is_a_level_or_a_list() {
        assert!(filter("info").is_ok());
        assert!(filter("info,edge=debug").is_ok());
    }

    #[test]
    fn the_log_has_the_message_of_a_panic() {
        let mut file = tempfile::tempfile().unwrap();
        let writer = Mutex::new(file.try_clone().unwrap());
        let subscriber = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).finish();
        let previous = panic::take_hook();
        panic::set_hook(Box::new(log_panic));
        tracing::subscriber::with_default(subscriber, || {
            assert!(panic::catch_unwind(|| panic!("an invariant is broken")).is_err());
        });
        panic::set_hook(previous);
        file.rewind().unwrap();
        let line = io::read_to_string(file).unwrap();
        assert!(line.contains("ERROR") && line.contains("panicked at "), "{line}");
        assert!(line.ends_with(": an invariant is broken\n"), "{line}");
    }

    #[test]
    fn the_error_of_an_invalid_filter_names_the_flag() {
        let error = filter("edge=loud").unwrap_err().to_string();
        assert!(error.starts_with("invalid --log \"edge=loud\": "), "{error}");
    }
}
