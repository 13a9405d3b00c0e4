//! The log: lines on standard error, as text for people or as JSON for programs.
//!
//! There is one log per process, so [`init`] belongs in an executable and never in a service.

use crate::options::{LogFormat, LogOptions};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// `--log` is none of the forms its help names.
    #[error("--log {filter:?} makes no sense: {source}; try info, debug, or info,edge=debug")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Somebody has started a log in this process before.
    #[error("the log cannot be started: {0}")]
    AlreadySet(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Starts the log of this process.
///
/// # Errors
/// When the filter cannot be read, or the process has a log already.
pub fn init(options: &LogOptions) -> Result<(), LoggingError> {
    let filter = filter(&options.log)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match options.log_format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    }
    .map_err(LoggingError::AlreadySet)
}

fn filter(text: &str) -> Result<EnvFilter, LoggingError> {
    let unreadable = |source| LoggingError::Filter { filter: text.to_owned(), source };
    EnvFilter::builder().parse(text).map_err(unreadable)
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
    fn a_filter_that_cannot_be_read_is_told_by_its_flag() {
        let error = filter("edge=loud").unwrap_err().to_string();
        assert!(error.starts_with("--log \"edge=loud\" makes no sense"), "{error}");
    }
}
