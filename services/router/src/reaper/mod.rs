//! Cleans up after dead edges and unserved backends, and trims the logs. One router at a time does it, under a lease.
//!
//! The state kept from one tick to the next only saves lookups or delays a step, so another router can take
//! over at any time.
//!
//! An edge is silent also when Redis refuses its heartbeats, or when this router has been cut off or suspended. So the
//! reaper sends heartbeats too ([`WriteProof`]). It reaps only after [`SETTLE_TIME`] without a gap between them.

mod backends;
mod edges;
mod write_proof;

use crate::handlers::HandlerError;
use backends::UnservedBackends;
use common::{ErrorLog, warn_failure};
use edges::DeadEdges;
use service::Context;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use write_proof::WriteProof;

static REAPING: ErrorLog = ErrorLog::new("reaping");
static TRIMMING: ErrorLog = ErrorLog::new("trimming the logs");

const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// How long after an outage of the directory nothing is reaped, so that every edge can send a heartbeat.
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
        proof: WriteProof::default(),
        edges: DeadEdges::default(),
        backends: UnservedBackends::default(),
        trimmed_at: Instant::now(),
    };
    loop {
        ticks.tick().await;
        match reaper.tick().await {
            Ok(()) => REAPING.succeeded(),
            Err(error) => {
                warn_failure!(REAPING, %error, "failed to reap, retrying");
                reaper.proof.lose();
            }
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
    proof: WriteProof,
    edges: DeadEdges,
    backends: UnservedBackends,
    /// When this router trimmed the logs last, or tried to.
    trimmed_at: Instant,
}

impl Reaper {
    async fn tick(&mut self) -> Result<(), HandlerError> {
        self.proof.renew(&self.context).await?;
        self.backends.count_missed(&self.context).await?;
        let lease = self.context.directory.acquire_lease(LEASE_NAME, &self.context.id, LEASE_TTL).await?;
        if lease.is_some() && self.proof.has_held_for(SETTLE_TIME) {
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
        match self.context.bus.trim_logs().await {
            Ok(()) => TRIMMING.succeeded(),
            Err(error) => warn_failure!(TRIMMING, %error, "failed to trim the logs, retrying in 10 s"),
        }
    }
}
