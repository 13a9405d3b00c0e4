//! Heartbeats: this edge tells the directory each second that it is alive, and sees there which other edges are.
//!
//! A directory that does not know the edge has lost its data, or has counted the edge as dead. Then the edge stores all
//! its sessions again, and restores what it finds missing.

use crate::context::EdgeContext;
use crate::metrics;
use crate::registry::{Inbound, Registry};
use bus::ack_tracker::AckTracker;
use common::ServiceId;
use common::sync::Mutex;
use directory::{DEREGISTERED_AGE, Directory};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// The delay after a failed heartbeat: other edges count a silent edge as dead.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// An edge without a heartbeat for this long counts as dead.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);
const DEREGISTERED_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Since when every heartbeat of this edge has reached the directory. Without contact to the directory, an edge cannot
/// tell whether others are silent.
#[derive(Default)]
pub struct HeartbeatStatus {
    healthy_since: Mutex<Option<Instant>>,
}

impl HeartbeatStatus {
    /// Whether every heartbeat has arrived for this long.
    pub fn healthy_for(&self, duration: Duration) -> bool {
        self.healthy_since.lock().is_some_and(|since| since.elapsed() >= duration)
    }

    fn record(&self, has_arrived: bool) {
        let mut since = self.healthy_since.lock();
        *since = has_arrived.then(|| since.unwrap_or_else(Instant::now));
    }
}

/// Sends heartbeats until the edge stops.
pub async fn run(
    context: Arc<EdgeContext>,
    registry: Arc<Registry>,
    acks: AckTracker,
    status: Arc<HeartbeatStatus>,
) {
    let mut ticks = interval(HEARTBEAT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut must_resubmit = false;
    loop {
        ticks.tick().await;
        metrics::set_held(registry.count(), acks.unacked());
        context.health.load().set("sessions", registry.count() as u64);
        let heartbeat = context.directory.heartbeat(&context.id).await;
        status.record(heartbeat.is_ok());
        match heartbeat {
            Ok(is_known) => {
                if !is_known {
                    metrics::edge_deregistered();
                    tracing::warn!("the directory does not know this edge, storing all sessions again");
                }
                if !is_known || std::mem::take(&mut must_resubmit) {
                    resubmit_all(&registry);
                }
            }
            Err(error) => {
                // The directory reports only once that it does not know the edge, and this may have been that time.
                must_resubmit = true;
                tracing::warn!(%error, "failed to send a heartbeat, retrying");
                ticks.reset_after(RETRY_AFTER);
            }
        }
    }
}

fn resubmit_all(registry: &Registry) {
    for (session, owner) in registry.all() {
        // If the connection has ended, its sessions have too.
        let _ = owner.send(Inbound::PersistAgain(session));
    }
}

/// Tells whether other edges are alive, as far as this edge can know.
#[derive(Clone)]
pub struct Liveness {
    directory: Directory,
    /// The heartbeats of this edge.
    heartbeat: Arc<HeartbeatStatus>,
}

impl Liveness {
    pub fn new(directory: Directory, heartbeat: Arc<HeartbeatStatus>) -> Self {
        Self { directory, heartbeat }
    }

    /// Whether an edge is dead. Right after an outage of the directory all edges seem silent. So this edge must have
    /// had contact for a while, unless the other one has deregistered.
    pub async fn is_edge_dead(&self, edge: &ServiceId) -> directory::Result<bool> {
        let age = self.since_heartbeat(edge).await?;
        let is_certain =
            self.heartbeat.healthy_for(HEARTBEAT_TIMEOUT) || age.is_some_and(|age| age >= DEREGISTERED_AGE);
        Ok(is_certain && age.is_none_or(|age| age > HEARTBEAT_TIMEOUT))
    }

    /// The time since the last heartbeat of an edge; none for an unknown edge.
    pub async fn since_heartbeat(&self, edge: &ServiceId) -> directory::Result<Option<Duration>> {
        self.directory.since_heartbeat(edge).await
    }

    /// Waits until an edge has deregistered.
    pub async fn until_deregistered(&self, edge: &ServiceId) {
        loop {
            sleep(DEREGISTERED_POLL_INTERVAL).await;
            if let Ok(Some(age)) = self.since_heartbeat(edge).await
                && age >= DEREGISTERED_AGE
            {
                return;
            }
        }
    }
}
