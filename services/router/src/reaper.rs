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

use crate::verbs::Failure;
use backends::Backends;
use edges::Edges;
use service::Context;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long everybody has to give a sign of life again after the directory was away.
const SETTLING: Duration = Duration::from_secs(5);
const LEASE: &str = "reaper";
const LEASE_LIFE: Duration = Duration::from_secs(5);

/// Reaps until the router stops.
pub async fn reap(context: Context) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reaper = Reaper { context, edges: Edges::default(), backends: Backends::default() };
    let mut reachable_since = Instant::now();
    loop {
        ticks.tick().await;
        let settled = reachable_since.elapsed() >= SETTLING;
        if let Err(error) = reaper.look(settled).await {
            tracing::warn!(%error, "what the dead left could not be looked for");
            reachable_since = Instant::now();
        }
    }
}

/// Lets another router reap at once.
pub async fn resign(context: &Context) {
    if let Err(error) = context.directory.release_lease(LEASE, &context.id).await {
        tracing::warn!(%error, "the reaper's lease could not be given back");
    }
}

struct Reaper {
    context: Context,
    edges: Edges,
    backends: Backends,
}

impl Reaper {
    async fn look(&mut self, settled: bool) -> Result<(), Failure> {
        self.backends.watch(&self.context).await?;
        let has_lease = self.context.directory.lease(LEASE, &self.context.id, LEASE_LIFE).await?.is_some();
        if has_lease && settled {
            self.edges.look(&self.context).await?;
            self.backends.reap(&self.context).await?;
        }
        Ok(())
    }
}
