//! Shared by every crate: ids, clock and randomness, fault injection, and small helpers for retries, locks and
//! timers. Depends on no other crate of the workspace.
#![warn(missing_docs)]

pub mod clock;
pub mod coalescing_queue;
pub mod display;
pub mod entropy;
pub mod error_log;
pub mod fault;
pub mod id;
pub mod size_limit;
pub mod sync;
pub mod text;
pub mod time;
pub mod transport;
pub mod url;

pub use error_log::ErrorLog;
pub use id::{BackendName, CallId, MessageId, ServiceId};
pub use size_limit::SizeLimit;
#[doc(hidden)]
pub use tracing;
