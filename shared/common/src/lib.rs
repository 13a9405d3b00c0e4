//! What every crate of the workspace builds on: ids, the clock, randomness and the hook for fault injection.
//!
//! It depends on no other crate of the workspace and does no I/O.

#![warn(missing_docs)]

pub mod entropy;
pub mod fault;
pub mod id;

pub use id::{BackendName, CallId, MessageId, ServiceId};
