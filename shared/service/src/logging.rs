//! The log: lines on standard error, as text or as JSON.
//!
//! A process has one log, so only an executable calls [`init`], never a service.

use crate::log_format::{VisibleJson, write_field};
use crate::options::{LogFormat, LogOptions};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::debug_fn;

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
}

/// Starts the log of this process.
///
/// # Errors
/// When the filter cannot be parsed, or the process has a log already.
pub fn init(options: &LogOptions) -> Result<(), LoggingError> {
    let filter = filter(&options.log)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match options.log_format {
        LogFormat::Text => lines
            .with_ansi(stderr().is_terminal())
            .fmt_fields(debug_fn(write_field).delimited(" "))
            .try_init(),
        LogFormat::Json => lines.json().flatten_event(true).map_event_format(VisibleJson).try_init(),
    }
    .map_err(LoggingError::AlreadySet)
}

fn filter(text: &str) -> Result<EnvFilter, LoggingError> {
    let invalid = |source| LoggingError::Filter { filter: text.to_owned(), source };
    EnvFilter::builder().parse(text).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_or_a_list() {
        assert!(filter("info").is_ok());
        assert!(filter("info,edge=debug").is_ok());
    }

    #[test]
    fn the_error_of_an_invalid_filter_names_the_flag() {
        let error = filter("edge=loud").unwrap_err().to_string();
        assert!(error.starts_with("invalid --log \"edge=loud\": "), "{error}");
    }
}
