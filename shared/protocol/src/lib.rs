//! The words of the Janus websocket API and of its VideoCall plugin. No I/O and no clock.
//!
//! | file | holds |
//! |---|---|
//! | [`id`] | sessions and handles |
//! | [`object`] | a JSON object whose members are read only when asked for |
//! | [`frame`] | a websocket message taken apart into requests |
//! | [`request`] | one request of the core API, checked in Janus' order |
//! | [`jsep`] | what Janus asks of a session description |
//! | [`trickle`] | what Janus asks of candidates |
//! | [`videocall`] | the plugin's requests, their checks, its errors and results |
//! | [`reply`] | what a client is sent |
//! | [`server_info`] | the answer to `info` |
//! | [`error`] | Janus' core error codes |

pub mod error;
pub mod frame;
pub mod id;
pub mod jsep;
pub mod object;
pub mod reply;
pub mod request;
pub mod server_info;
pub mod trickle;
pub mod videocall;

pub use id::{HandleId, HandleRef, SessionId, Side};

/// JSON that is passed on as it came, without being read.
pub type Raw = Box<serde_json::value::RawValue>;

/// Writes a value as JSON to be passed on.
///
/// # Panics
/// Never for the project's own types: they have no maps with keys that are no strings.
pub fn raw<T: serde::Serialize>(value: &T) -> Raw {
    serde_json::value::to_raw_value(value).expect("our own types can be written as JSON")
}
