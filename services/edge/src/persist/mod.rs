//! Sessions are stored in the directory, so that another edge can continue them.

pub mod dirty;
pub mod pending_write;
pub mod writer;
