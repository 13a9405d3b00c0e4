//! The edge's sign of life, each second. A directory that does not know the edge any more has lost
//! everything, or took it for dead: then all its sessions are written down again, and what is missing
//! there is restored as it is found missing.

use crate::metrics;
use crate::registry::Inbound;
use crate::shared::Shared;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How often an edge says that it is alive.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// How soon it says so again when the directory did not hear it: others take its silence for its own.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Since when each sign of life of this edge has been heard: who is not heard himself cannot tell
/// whether others are silent.
#[derive(Default)]
pub struct HeartbeatStatus(Mutex<Option<Instant>>);

impl HeartbeatStatus {
    /// Whether the directory has heard every sign for so long.
    pub fn healthy_for(&self, time: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|since| since.elapsed() >= time)
    }

    fn record(&self, heard: bool) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *since = heard.then(|| since.unwrap_or_else(Instant::now));
    }
}

/// Says so for ever.
pub async fn run(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(HEARTBEAT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut may_be_forgotten = false;
    loop {
        ticks.tick().await;
        metrics::set_held(shared.registry.count(), shared.acks.unacked());
        shared.context.health.load().set("sessions", shared.registry.count() as u64);
        let sign = shared.context.directory.heartbeat(&shared.context.id).await;
        shared.heartbeat.record(sign.is_ok());
        match sign {
            Ok(is_known) => {
                if !is_known {
                    metrics::edge_deregistered();
                    tracing::warn!("the directory does not know this edge any more");
                }
                if !is_known || std::mem::take(&mut may_be_forgotten) {
                    resubmit_all(&shared);
                }
            }
            Err(error) => {
                // Whether it knows the edge is said once, and this may have been that time.
                may_be_forgotten = true;
                tracing::warn!(%error, "the edge could not give a sign of life");
                ticks.reset_after(RETRY_AFTER);
            }
        }
    }
}

fn resubmit_all(shared: &Shared) {
    for (session, route) in shared.registry.all() {
        // A connection that is gone has no session any more.
        let _ = route.send(Inbound::PersistAgain(session));
    }
}
