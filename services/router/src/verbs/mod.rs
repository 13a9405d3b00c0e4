//! What routers do, one file for each kind of request. Each may be done twice, or half and then
//! again by another router, and ends in the same state.

pub mod call;
pub mod end;
pub mod exists;
pub mod invite;
pub mod list;
pub mod pairing;
pub mod register;
pub mod registered;
pub mod release;
pub mod restore;

/// Why a request could not be dealt with now; it will be tried again.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The directory did not do its part.
    #[error(transparent)]
    Directory(#[from] directory::Error),
    /// The bus did not take a message.
    #[error(transparent)]
    Bus(#[from] bus::SendError),
    /// Others kept changing the same name.
    #[error("the name is fought over")]
    Contended,
}
