//! The chassis of every service: what edge, router, connector and rest have in common and nothing
//! of what makes them differ.
//!
//! | file | holds |
//! |---|---|
//! | [`options`] | flags that several services share |
//! | [`secret`], [`secret_file`] | text that is not to be seen; a file with it |
//! | [`logging`] | the log |
//! | [`metrics`] | the numbers |
//! | [`health`] | why a service is not ready, for `/readyz` |
//! | [`watch`] | whether bus and directory are there |
//! | [`presence`] | that a service is there, and how much it has to do |
//! | [`canary`] | whether a road of the bus is open |
//! | [`admin`] | `/livez`, `/readyz`, `/metrics` |
//! | [`http`] | an HTTP server with bounds |
//! | [`shutdown`] | when to stop |

pub mod admin;
pub mod canary;
pub mod dependencies;
pub mod health;
pub mod http_server;
pub mod logging;
pub mod metrics;
pub mod options;
pub mod registration;
pub mod secret;
pub mod secret_file;
pub mod shutdown;

pub use canary::Canary;
pub use health::Health;
pub use secret::Secret;
pub use tokio_util::sync::CancellationToken;

use bus::Bus;
use common::ServiceId;
use directory::Directory;
use std::time::Duration;

/// What a service is given to run with.
#[derive(Clone)]
pub struct Context {
    /// Its name in the cluster, new at each start.
    pub id: ServiceId,
    /// The road to the other services.
    pub bus: Bus,
    /// Who is where.
    pub directory: Directory,
    /// Where it says whether it is ready, and how much it has to do.
    pub health: Health,
    /// Cancelled when it is to stop.
    pub shutdown: CancellationToken,
    /// How it is to stop.
    pub shutdown_policy: ShutdownPolicy,
}

/// How a service stops.
#[derive(Clone, Copy, Debug)]
pub struct ShutdownPolicy {
    /// How long it may take to finish or hand over what it has begun.
    pub timeout: Duration,
    /// Whether others of its kind may go on with its work; without them it is brought to its end.
    pub hand_over: bool,
}
