//! Whether another edge is alive, by its heartbeats in the directory.

use crate::heartbeat::HeartbeatStatus;
use common::ServiceId;
use directory::{DEREGISTERED_AGE, Directory, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// An edge without a heartbeat for this long counts as dead.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The view of this edge on other edges.
#[derive(Clone)]
pub struct Liveness {
    directory: Directory,
    /// That of this edge.
    heartbeat: Arc<HeartbeatStatus>,
}

impl Liveness {
    pub fn new(directory: Directory, heartbeat: Arc<HeartbeatStatus>) -> Self {
        Self { directory, heartbeat }
    }

    /// Whether an edge is dead. Right after an outage of the directory all edges seem silent. So this edge must have
    /// had contact for a while, unless the other one has deregistered.
    pub async fn is_edge_dead(&self, edge: &ServiceId) -> Result<bool> {
        let age = self.since_heartbeat(edge).await?;
        let is_certain =
            self.heartbeat.healthy_for(HEARTBEAT_TIMEOUT) || age.is_some_and(|age| age >= DEREGISTERED_AGE);
        Ok(is_certain && age.is_none_or(|age| age > HEARTBEAT_TIMEOUT))
    }

    /// How long the last heartbeat of an edge is past; none for an unknown edge.
    pub async fn since_heartbeat(&self, edge: &ServiceId) -> Result<Option<Duration>> {
        self.directory.since_heartbeat(edge).await
    }

    /// Waits until an edge has deregistered.
    pub async fn until_deregistered(&self, edge: &ServiceId) {
        loop {
            sleep(POLL_INTERVAL).await;
            if let Ok(Some(age)) = self.since_heartbeat(edge).await
                && age >= DEREGISTERED_AGE
            {
                return;
            }
        }
    }
}
