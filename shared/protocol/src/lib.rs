//! The words of the Janus websocket API and of its VideoCall plugin. No I/O, no clock.
//!
//! | file | holds |
//! |---|---|
//! | [`id`] | sessions, handles, calls, services |

pub mod id;

pub use id::{BackendName, CallId, HandleId, HandleRef, MessageId, ServiceId, SessionId, Side};

/// JSON that is passed on as it came, without being read.
pub type Raw = Box<serde_json::value::RawValue>;
