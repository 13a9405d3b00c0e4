//! How the bus and the directory connect to Redis. One [`SharedConnection`] carries all short commands. Each
//! blocking reader and each subscription has a connection of its own.
//!
//! Three settings differ from the defaults of the `redis` crate:
//!
//! - TCP_NODELAY is on; without it a send takes up to 40 ms.
//! - The response timeout of a blocking reader exceeds the time that its command blocks. The default of
//!   500 ms would break the connection.
//! - The shared connection speaks RESP3. Only with RESP3 does it notice a loss and reconnect before the next
//!   command fails.

#![warn(missing_docs)]

mod server;
mod shared;

pub use server::Server;
pub use shared::{Command, Settings, SharedConnection};
