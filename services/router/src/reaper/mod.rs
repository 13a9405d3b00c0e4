//! Cleans up after dead edges and unserved backends, and trims the logs. One router at a time does it, under a lease.
//!
//! The state kept from one tick to the next only saves lookups or delays a step, so another router can take
//! over at any time.

mod backends;
mod edges;

use crate::handlers::HandlerError;
use backends::UnservedBackends;
use edges::DeadEdges;
use service::Context;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// How long after the directory was unavailable nothing is reaped, so that every edge can send a heartbeat.
const SETTLE_TIME: Duration = Duration::from_secs(5);
const LEASE_NAME: &str = "reaper";
const LEASE_TTL: Duration = Duration::from_secs(5);

const TRIM_INTERVAL: Duration = Duration::from_secs(10);

/// Reaps until the router stops.
pub async fn run(context: Context) {
    let mut ticks = interval(TICK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reaper = Reaper {
        context,
        edges: DeadEdges::default(),
        backends: UnservedBackends::default(),
        trimmed_at: Instant::now(),
    };
    let mut reachable_since = Instant::now();
    loop {
        ticks.tick().await;
        let is_settled = reachable_since.elapsed() >= SETTLE_TIME;
        if let Err(error) = reaper.tick(is_settled).await {
            tracing::warn!(%error, "failed to reap, retrying");
            reachable_since = Instant::now();
        }
    }
}

/// Releases the lease, so that another router can reap at once.
pub async fn release_lease(context: &Context) {
    if let Err(error) = context.directory.release_lease(LEASE_NAME, &context.id).await {
        tracing::warn!(%error, "failed to release the reaper's lease, it will expire");
    }
}

struct Reaper {
    context: Context,
    edges: DeadEdges,
    backends: UnservedBackends,
    /// When this router trimmed the logs last, or tried to.
    trimmed_at: Instant,
}

impl Reaper {
    async fn tick(&mut self, is_settled: bool) -> Result<(), HandlerError> {
        self.backends.count_missed(&self.context).await?;
        let lease = self.context.directory.acquire_lease(LEASE_NAME, &self.context.id, LEASE_TTL).await?;
        if lease.is_some() && is_settled {
            self.edges.tick(&self.context).await?;
            self.backends.end_calls(&self.context).await?;
            self.trim_logs().await;
        }
        Ok(())
    }

    async fn trim_logs(&mut self) {
        if self.trimmed_at.elapsed() < TRIM_INTERVAL {
            return;
        }
        self.trimmed_at = Instant::now();
        if let Err(error) = self.context.bus.trim_logs().await {
            tracing::warn!(%error, "failed to trim the logs, retrying in 10 s");
        }
    }
}
