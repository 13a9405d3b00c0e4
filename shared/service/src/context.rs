//! What every service is started with.

use crate::health::Health;
use bus::Bus;
use common::ServiceId;
use directory::Directory;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The environment of a running service.
#[derive(Clone)]
pub struct Context {
    /// Names the service in the cluster; new at each start.
    pub id: ServiceId,
    /// Carries messages to the other services.
    pub bus: Bus,
    /// Holds the state that services share.
    pub directory: Directory,
    /// Where the service reports readiness and load.
    pub health: Health,
    /// Cancelled when the service must stop.
    pub shutdown: CancellationToken,
    /// How the service must stop.
    pub shutdown_policy: ShutdownPolicy,
}

/// How a service stops.
#[derive(Clone, Copy, Debug)]
pub struct ShutdownPolicy {
    /// How long the service may take to finish or hand over its work.
    pub timeout: Duration,
    /// Whether other services of its kind can take over its work. If not, the service ends it.
    pub hand_over: bool,
}
