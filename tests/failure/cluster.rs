//! The cluster that each of these tests breaks: two edges, two routers and two connectors on a real Redis, in
//! front of a real Janus.

use crate::fixture::{leftovers, redis_connection};
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::cluster::ClusterBuilder;
use testkit::{Client, Cluster, Janus, Redis, eventually, redis, sdp};
use tokio::time::sleep;

/// The log message of a connector that has acquired the lease of a backend.
const LEASE_ACQUIRED_LOG: &str = "acquired the lease";

pub struct Fixture {
    pub cluster: Cluster,
    pub janus: Janus,
    pub redis: Redis,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::with(|plan| plan).await
    }

    /// With a changed plan.
    pub async fn with(change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        Self::on(Redis::start().await, change).await
    }

    /// With a Redis that restores its data after a restart.
    pub async fn on_persistent_redis() -> Self {
        Self::on(
            Redis::with(redis::RedisConfig { appendonly: true, ..redis::RedisConfig::default() }).await,
            |plan| plan,
        )
        .await
    }

    async fn on(redis: Redis, change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        let janus = Janus::start().await;
        let plan = Cluster::new(&redis).edges(2).routers(2).connectors(2).backend("a", &janus);
        let fixture = Self { cluster: change(plan).start().await, janus, redis };
        fixture.expect_announced("a").await;
        fixture
    }

    /// Waits until this backend accepts calls.
    pub async fn expect_announced(&self, backend: &str) {
        expect_announced_on(&self.redis, backend).await;
    }

    /// The announced status of the backend.
    pub async fn status(&self, backend: &str) -> Option<String> {
        status(&self.redis, backend).await
    }

    /// The websocket URL of one of the two edges.
    pub fn edge_url(&self, number: usize) -> String {
        self.cluster.edge_url(number)
    }

    /// Two registered clients with these names, at different edges.
    pub async fn pair(&self, first: &str, second: &str) -> (Client, Client) {
        let (here, there) = (self.edge_url(0), self.edge_url(1));
        tokio::join!(Client::registered(&here, first), Client::registered(&there, second))
    }

    /// The same, in a call.
    pub async fn call(&self, caller: &str, callee: &str) -> (Client, Client) {
        let (mut alice, mut bob) = self.pair(caller, callee).await;
        connect(&mut alice, &mut bob, callee).await;
        (alice, bob)
    }

    /// The number of the connector that acquired the lease last.
    pub fn lease_holder(&self) -> usize {
        lease_holder(&self.cluster)
    }

    /// Waits until another connector than this one has the lease.
    pub async fn expect_takeover_from(&self, former: usize) {
        eventually("another connector takes the lease", async || self.lease_holder() != former).await;
    }

    /// The handles of calls on Janus, each with its session.
    pub async fn legs(&self) -> BTreeSet<(u64, u64)> {
        self.janus.admin().await.legs().await.into_iter().collect()
    }

    /// Waits until no handle is left on Janus, and no key of a session, handle, name or call in Redis.
    pub async fn expect_clean(&self) {
        let mut admin = self.janus.admin().await;
        eventually("no handle is left on Janus", async || admin.all_handles().await == 0).await;
        let redis = self.redis.url();
        eventually("no key of a call is left", async || leftovers(&redis).await.is_empty()).await;
    }
}

/// Waits until this backend accepts calls.
pub async fn expect_announced_on(redis: &Redis, backend: &str) {
    eventually("the backend is announced", async || status(redis, backend).await.as_deref() == Some("0"))
        .await;
}

/// The announced status of a backend: `0` is normal, `2` is maintenance. None if it is not announced.
async fn status(redis: &Redis, backend: &str) -> Option<String> {
    let mut connection = redis_connection(&redis.url()).await;
    let key = format!("januscloud:backend_servers:{backend}");
    ::redis::cmd("HGET").arg(key).arg("status").query_async(&mut connection).await.unwrap()
}

/// The number of the connector that acquired the lease of a backend last.
pub fn lease_holder(cluster: &Cluster) -> usize {
    let last = |log: &str| log.lines().rfind(|line| line.contains(LEASE_ACQUIRED_LOG)).map(str::to_owned);
    // Lines begin with the time.
    let lines = cluster.connectors.iter().map(|connector| last(&connector.log()));
    lines.enumerate().max_by(|(_, one), (_, other)| one.cmp(other)).unwrap().0
}

/// Waits until recent events are persisted. Events of the last milliseconds before a crash may be repeated,
/// or be unknown to the next owner.
pub async fn wait_until_persisted() {
    sleep(Duration::from_millis(300)).await;
}

/// Sets a call up.
pub async fn connect(alice: &mut Client, bob: &mut Client, callee: &str) {
    alice.call(callee).await;
    bob.expect_event("incomingcall").await;
    bob.accept().await;
    alice.expect_event("accepted").await;
}

/// Sends a new offer and its answer through a call, which shows that every service and Janus know both legs.
pub async fn talk(alice: &mut Client, bob: &mut Client) {
    alice.renegotiate(sdp::offer()).await;
    bob.expect_event("update").await;
    bob.renegotiate(sdp::answer()).await;
    alice.expect_event("update").await;
}

/// Ends a call. Both sides receive the hangup.
pub async fn hang_up(alice: &mut Client, bob: &mut Client) {
    alice.hangup().await;
    tokio::join!(expect_call_end(alice), expect_call_end(bob));
}

/// Waits until this side has received the end of the call.
pub async fn expect_call_end(client: &mut Client) {
    client.expect_core("hangup").await;
}

/// Both clients end their sessions.
pub async fn leave(mut alice: Client, mut bob: Client) {
    alice.destroy().await;
    bob.destroy().await;
}
