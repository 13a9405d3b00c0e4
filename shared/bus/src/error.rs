//! Why the bus did not take a message, and why an entry cannot be decoded.

/// Why the bus did not take a message.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The mailbox was never opened, was closed, or has expired.
    #[error("no such mailbox")]
    NoMailbox,
    /// The stream has [`MAX_BACKLOG`](crate::MAX_BACKLOG) messages; for a new call,
    /// [`OVERLOADED_QUEUE`](crate::OVERLOADED_QUEUE) or [`OVERLOADED_MAILBOX`](crate::OVERLOADED_MAILBOX). For a large
    /// message it is full earlier.
    #[error("stream full")]
    Full,
    /// The payload exceeds [`MAX_PAYLOAD`](crate::MAX_PAYLOAD).
    #[error("message too large")]
    TooLarge,
    /// The bus cannot be reached, or did not reply in time.
    #[error("bus unavailable: {0}")]
    Unavailable(String),
}

/// Why a stream entry is not a message of this version.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A field is missing, or is not valid text.
    #[error("field {0} is missing or malformed")]
    Field(&'static str),
    /// A kind that this version does not know.
    #[error("unknown kind {0}")]
    UnknownKind(String),
    /// A payload that does not fit its kind.
    #[error("payload: {0}")]
    Payload(#[from] serde_json::Error),
}
