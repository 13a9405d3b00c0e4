//! Shared by edge, router, connector and rest: options, logs, metrics, health, admin routes, HTTP server and HTTP
//! client.
#![warn(missing_docs)]

pub mod admin;
pub mod canary;
pub mod client_address;
pub mod clock_skew;
pub mod connection_limits;
mod context;
pub mod dependencies;
pub mod health;
pub mod http_client;
pub mod http_server;
pub mod lingering_close;
mod log_format;
pub mod logging;
pub mod metrics;
pub mod network;
pub mod open_files;
pub mod options;
pub mod redis_options;
pub mod registration;
pub mod secret;
pub mod shutdown;
pub mod trusted_proxies;
pub mod web_origin;
pub mod wire_protocol;

pub use canary::Canary;
pub use client_address::{AddressGroup, ClientAddress};
pub use context::{Context, ShutdownPolicy, TaskGroup};
pub use health::{Health, Load, LoadGuard};
pub use secret::Secret;
pub use tokio_util::sync::CancellationToken;
pub use trusted_proxies::TrustedProxies;
