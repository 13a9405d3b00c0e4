//! What a router does for each kind of request. A request may be handled twice, or half and then again by
//! another router; each handler ends in the same state.

pub mod call;
pub mod end;
pub mod error;
pub mod invite;
pub mod names;
pub mod place;
pub mod queries;
pub mod register;
pub mod release;
pub mod restore;

pub use error::{HandlerError, RequestError};
