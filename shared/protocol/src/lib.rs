//! The Janus websocket API and its VideoCall plugin: parsing, checks and replies. No I/O.
#![warn(missing_docs)]

pub mod error;
pub mod frame;
pub mod hangup;
pub mod id;
pub mod jsep;
pub mod object;
pub mod parser_limits;
pub mod reply;
pub mod request;
pub mod server_info;
pub mod trickle;
pub mod videocall;

pub use id::{HandleId, HandleRef, SessionId, Side};
pub use object::{Raw, raw};
