//! Heartbeats: this edge tells the directory each second that it is alive, and sees there which other edges are.
//!
//! A directory that does not know the edge has lost its data, or has counted the edge as dead. Then the edge stores all
//! its sessions again, and restores what it finds missing.

use crate::context::EdgeContext;
use crate::metrics;
use crate::net::address::report;
use crate::registry::{Inbound, Registry};
use bus::ack_tracker::AckTracker;
use common::sync::Mutex;
use common::{ErrorLog, ServiceId, warn_failure};
use directory::{DEREGISTERED_AGE, Directory};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

static BEATING: ErrorLog = ErrorLog::new("sending heartbeats");
static KNOWN: ErrorLog = ErrorLog::new("being known to the directory");

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// The delay after a failed heartbeat: other edges count a silent edge as dead.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// An edge without a heartbeat for this long counts as dead.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);
/// For this long after its last heartbeat an edge trusts the heartbeats of others. After an outage began, theirs are at most
/// this and [`HEARTBEAT_INTERVAL`] old, which is less than [`HEARTBEAT_TIMEOUT`].
const MAX_PROOF_AGE: Duration = Duration::from_millis(1_500);
const DEREGISTERED_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Whether this edge could write its heartbeats. If it could not, then other edges are silent although they are alive: Redis
/// may refuse writes, or hold them back, and still answer reads.
#[derive(Default)]
pub struct HeartbeatStatus {
    unbroken: Mutex<Option<Unbroken>>,
}

/// Heartbeats without a gap between them.
#[derive(Clone, Copy)]
struct Unbroken {
    since: Instant,
    /// When the latest one was sent.
    latest: Instant,
}

impl HeartbeatStatus {
    /// Whether heartbeats of another edge would have arrived within the last [`HEARTBEAT_TIMEOUT`].
    pub fn proves_silence(&self) -> bool {
        self.unbroken.lock().is_some_and(|unbroken| {
            unbroken.since.elapsed() >= HEARTBEAT_TIMEOUT && unbroken.latest.elapsed() < MAX_PROOF_AGE
        })
    }

    /// Records that a heartbeat has arrived. `gap` is the time since the previous one by the clock of the directory. A long gap
    /// means that this edge was suspended, the clock was set, or a replica with older data has taken over.
    fn arrived(&self, sent_at: Instant, gap: Option<Duration>) {
        let mut unbroken = self.unbroken.lock();
        let is_continuous = gap.is_some_and(|gap| gap <= HEARTBEAT_TIMEOUT);
        let since = unbroken.filter(|_| is_continuous).map_or_else(Instant::now, |unbroken| unbroken.since);
        *unbroken = Some(Unbroken { since, latest: sent_at });
    }

    fn failed(&self) {
        *self.unbroken.lock() = None;
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
        metrics::set_client_memory(context.client_memory.held(), context.client_memory.max());
        context.health.load().set("sessions", registry.count() as u64);
        context.health.set_notice("addresses", report::latest(Instant::now()));
        let sent_at = Instant::now();
        match context.directory.heartbeat(&context.id).await {
            Ok(gap) => {
                BEATING.succeeded();
                status.arrived(sent_at, gap);
                let is_known = gap.is_some();
                if is_known {
                    KNOWN.succeeded();
                }
                if !is_known {
                    metrics::edge_deregistered();
                    warn_failure!(KNOWN, "the directory does not know this edge, storing all sessions again");
                }
                if !is_known || std::mem::take(&mut must_resubmit) {
                    resubmit_all(&registry);
                }
            }
            Err(error) => {
                status.failed();
                // The directory reports only once that it does not know the edge, and this may have been that time.
                must_resubmit = true;
                warn_failure!(BEATING, %error, "failed to send a heartbeat, retrying");
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

    /// Whether an edge is dead. During an outage of the directory, and right after it, all edges seem silent. So the
    /// heartbeats of this edge must have arrived for a while, unless the other one has deregistered.
    pub async fn is_edge_dead(&self, edge: &ServiceId) -> directory::Result<bool> {
        let age = self.since_heartbeat(edge).await?;
        let is_certain = self.heartbeat.proves_silence() || age.is_some_and(|age| age >= DEREGISTERED_AGE);
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const OTHER: &str = "edge-other";

    struct Fixture {
        directory: Directory,
        status: Arc<HeartbeatStatus>,
        liveness: Liveness,
    }

    impl Fixture {
        fn new() -> Self {
            let (directory, status) = (Directory::memory(), Arc::new(HeartbeatStatus::default()));
            let liveness = Liveness::new(directory.clone(), status.clone());
            Self { directory, status, liveness }
        }

        /// Sends the heartbeats of both edges for some seconds.
        async fn beat(&self, seconds: u32) {
            for _ in 0..seconds {
                self.directory.heartbeat(&ServiceId::from(OTHER)).await.unwrap();
                self.beat_alone(1).await;
            }
        }

        async fn beat_alone(&self, seconds: u32) {
            for _ in 0..seconds {
                let gap = self.directory.heartbeat(&ServiceId::from("edge-own")).await.unwrap();
                self.status.arrived(Instant::now(), gap);
                advance(HEARTBEAT_INTERVAL).await;
            }
        }

        async fn is_dead(&self) -> bool {
            self.liveness.is_edge_dead(&ServiceId::from(OTHER)).await.unwrap()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silent_edge_is_dead() {
        let edges = Fixture::new();
        edges.beat(5).await;
        assert!(!edges.is_dead().await);
        edges.beat_alone(3).await;
        assert!(edges.is_dead().await);
    }

    #[tokio::test(start_paused = true)]
    async fn no_edge_is_dead_while_own_heartbeats_are_held_back() {
        let edges = Fixture::new();
        edges.beat(5).await;
        for _ in 0..100 {
            advance(Duration::from_millis(100)).await;
            assert!(!edges.is_dead().await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_edge_is_dead_right_after_refused_heartbeats() {
        let edges = Fixture::new();
        edges.beat(5).await;
        advance(Duration::from_secs(8)).await;
        edges.status.failed();
        edges.beat_alone(2).await;
        assert!(!edges.is_dead().await);
        edges.beat_alone(2).await;
        assert!(edges.is_dead().await);
    }

    #[tokio::test(start_paused = true)]
    async fn no_edge_is_dead_right_after_a_gap_without_an_error() {
        let edges = Fixture::new();
        edges.beat(5).await;
        advance(Duration::from_secs(60)).await;
        edges.beat_alone(2).await;
        assert!(!edges.is_dead().await);
    }
}
