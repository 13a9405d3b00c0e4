//! Why there is no result, in words for whoever started the run.

use crate::failed::CallError;
use std::io;

/// A run that did not come to a result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No client was there, so nothing was measured.
    #[error("nobody could register at {url}: {failed}")]
    NoPairRegistered {
        /// The first address.
        url: String,
        /// What happened to one of them.
        failed: CallError,
    },
    /// The same, of clients that were only to be there.
    #[error("nobody could register at {url}; {why}")]
    NoClientRegistered {
        /// The first address.
        url: String,
        /// What happened to them.
        why: String,
    },
    /// The system does not let one process have so many connections.
    #[error(
        "{clients} clients need {needed} open files, and this process may have {allowed}: raise the limit, for instance with `ulimit -n {needed}`"
    )]
    Files {
        /// Clients that were asked for.
        clients: usize,
        /// Files for them.
        needed: u64,
        /// Files that there may be.
        allowed: u64,
    },
    /// There are no random numbers to make names with.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The result cannot be printed.
    #[error("the output cannot be written: {0}")]
    Output(#[source] io::Error),
}
