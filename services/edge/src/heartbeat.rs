//! Tells the directory each second that this edge is alive.
//!
//! A directory that does not know the edge has lost its data, or has counted the edge as dead. Then the edge stores all
//! its sessions again, and restores what it finds missing.

use crate::context::EdgeContext;
use crate::metrics;
use crate::registry::{Inbound, Registry};
use bus::ack_tracker::AckTracker;
use common::sync::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// The delay after a failed heartbeat: other edges take silence for death.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Since when every heartbeat of this edge has arrived. An edge without contact to the directory cannot tell whether
/// others are silent.
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
        // A connection that is gone has no sessions.
        let _ = owner.send(Inbound::PersistAgain(session));
    }
}
