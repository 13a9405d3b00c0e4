//! Why `top` ends with an error.

use super::rest_client::{InvalidRestUrl, RestError};
use service::secret::SecretFileError;
use std::io;

#[derive(Debug, thiserror::Error)]
pub enum TopError {
    #[error(transparent)]
    RestUrl(#[from] InvalidRestUrl),
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    #[error(transparent)]
    Rest(#[from] RestError),
    #[error("failed to listen to signals: {0}")]
    Signals(#[source] io::Error),
    #[error("top needs a terminal; elsewhere use --once, or --once --json")]
    NoTerminal,
    #[error("failed to use the terminal: {0}")]
    Terminal(#[source] io::Error),
    #[error("failed to write the output: {0}")]
    Output(#[source] io::Error),
}
