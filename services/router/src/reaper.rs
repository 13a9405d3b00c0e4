//! Gives back what the dead left: one router at a time looks for it, each second, and says what it
//! ended.
//!
//! | file | what |
//! |---|---|
//! | `edges.rs` | sessions that nobody claimed, and their handles |
//! | `mail.rs` | what was said to them after their sessions had gone elsewhere |
//! | `backends.rs` | calls on a backend that nobody serves |
//!
//! What it remembers from one look to the next only saves looking, or has it wait longer than needed:
//! another router can go on at any time.

mod backends;
mod edges;
mod mail;

use crate::verbs::HandlerError;
use backends::UnservedBackends;
use edges::DeadEdges;
use service::Context;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// How long everybody has to give a sign of life again after the directory was away.
const SETTLE_TIME: Duration = Duration::from_secs(5);
const LEASE_NAME: &str = "reaper";
const LEASE_TTL: Duration = Duration::from_secs(5);

/// Reaps until the router stops.
pub async fn run(context: Context) {
    let mut ticks = interval(TICK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reaper = Reaper { context, edges: DeadEdges::default(), backends: UnservedBackends::default() };
    let mut reachable_since = Instant::now();
    loop {
        ticks.tick().await;
        let settled = reachable_since.elapsed() >= SETTLE_TIME;
        if let Err(error) = reaper.tick(settled).await {
            tracing::warn!(%error, "what the dead left could not be looked for");
            reachable_since = Instant::now();
        }
    }
}

/// Lets another router reap at once.
pub async fn release_lease(context: &Context) {
    if let Err(error) = context.directory.release_lease(LEASE_NAME, &context.id).await {
        tracing::warn!(%error, "the reaper's lease could not be given back");
    }
}

struct Reaper {
    context: Context,
    edges: DeadEdges,
    backends: UnservedBackends,
}

impl Reaper {
    async fn tick(&mut self, settled: bool) -> Result<(), HandlerError> {
        self.backends.count_missed(&self.context).await?;
        let has_lease =
            self.context.directory.acquire_lease(LEASE_NAME, &self.context.id, LEASE_TTL).await?.is_some();
        if has_lease && settled {
            self.edges.tick(&self.context).await?;
            self.backends.end_calls(&self.context).await?;
        }
        Ok(())
    }
}
