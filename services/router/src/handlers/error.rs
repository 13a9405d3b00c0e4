//! Why a handler did not do what was requested.

/// A failure that may be temporary; the request is redelivered.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    #[error(transparent)]
    Directory(#[from] directory::Error),
    #[error(transparent)]
    Bus(#[from] bus::SendError),
    /// Other registrations kept taking the same name.
    #[error("name contended")]
    Contended,
}

/// Why a step of a handler has no result: a refusal, which the client receives, or a failure.
#[derive(Debug)]
pub enum RequestError<R> {
    Refused(R),
    Failed(HandlerError),
}

impl<R> From<HandlerError> for RequestError<R> {
    fn from(error: HandlerError) -> Self {
        Self::Failed(error)
    }
}

impl<R> From<directory::Error> for RequestError<R> {
    fn from(error: directory::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl<R> From<bus::SendError> for RequestError<R> {
    fn from(error: bus::SendError) -> Self {
        Self::Failed(error.into())
    }
}
