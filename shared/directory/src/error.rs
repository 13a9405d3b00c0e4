//! Errors of the directory.

/// Why an operation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The store is unreachable or did not reply in time. The operation may or may not have been executed.
    #[error("directory unavailable: {0}")]
    Unavailable(String),
    /// The record under a key is not in the format that this version writes.
    #[error("malformed record {key}: {why}")]
    Malformed {
        /// The key of the record, or the prefix of its key.
        key: String,
        /// The parse error.
        why: String,
    },
}

/// The result of every operation.
pub type Result<T> = std::result::Result<T, Error>;
