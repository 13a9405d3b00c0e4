//! How the bus and the directory connect to Redis: the one place that connects. One [`SharedConnection`] carries all
//! short commands. Each blocking reader and each subscription has a connection of its own.
//!
//! Every connection is opened again after any failure, whether Redis is unreachable or refuses: a wrong password, too
//! many clients, an untrusted certificate. Error replies over an open connection do not break it. Those that say that
//! Redis has another role than before make [`SharedConnection`] connect anew, because its address may lead to another
//! server by now. The readers follow ([`Server::generation`]).
//!
//! Three settings differ from the defaults of the `redis` crate:
//!
//! - TCP_NODELAY is on; without it a send takes up to 40 ms.
//! - The response timeout of a blocking reader exceeds the time that its command blocks. The default of
//!   500 ms would break the connection.
//! - The shared connection speaks RESP3. Only with RESP3 does it notice a loss and reconnect before the next
//!   command fails.

#![warn(missing_docs)]

mod address;
mod config;
mod error_text;
mod reconnect;
mod refusal;
mod sentinel;
mod server;
mod settings;
mod shared;
mod tcp;

pub use address::AddressError;
pub use config::{ClientCertificate, ConfigError, SentinelConfig, ServerConfig};
pub use error_text::{CHECK_KEY, LastRefusal, error_text, plain_error_text};
pub use refusal::is_command_error;
pub use server::Server;
pub use settings::Settings;
pub use shared::{Command, SharedConnection};
