//! The cluster that each of these tests breaks: two edges, two routers and two connectors on a real Redis,
//! in front of a real Janus.

use crate::fixture::{leftovers, redis_connection};
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::cluster::ClusterBuilder;
use testkit::{Client, Cluster, Janus, Redis, eventually, redis, sdp};
use tokio::time::sleep;

/// What a connector writes when it has got the lease of a backend.
const SERVES: &str = "serves the backend now";

pub struct FailureCluster {
    pub cluster: Cluster,
    pub janus: Janus,
    pub redis: Redis,
}

impl FailureCluster {
    pub async fn start() -> Self {
        Self::with(|plan| plan).await
    }

    /// With a change of the plan.
    pub async fn with(change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        Self::on(Redis::start().await, change).await
    }

    /// On a Redis that has its data again after a restart.
    pub async fn on_lasting_redis() -> Self {
        Self::on(
            Redis::with(redis::RedisConfig { appendonly: true, ..redis::RedisConfig::default() }).await,
            |plan| plan,
        )
        .await
    }

    async fn on(redis: Redis, change: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        let janus = Janus::start().await;
        let plan = Cluster::new(&redis).edges(2).routers(2).connectors(2).backend("a", &janus);
        let house = Self { cluster: change(plan).start().await, janus, redis };
        house.has("a").await;
        house
    }

    /// Waits until calls can be placed on this backend.
    pub async fn has(&self, backend: &str) {
        is_announced(&self.redis, backend).await;
    }

    /// What the backend is announced as.
    pub async fn status(&self, backend: &str) -> Option<String> {
        status(&self.redis, backend).await
    }

    /// Where clients connect; there are two doors.
    pub fn edge_url(&self, number: usize) -> String {
        self.cluster.edge_url(number)
    }

    /// Two people with these names, at different doors.
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

    /// The number of the connector that got the lease last.
    pub fn server(&self) -> usize {
        server(&self.cluster)
    }

    /// Waits until another connector than this has the lease.
    pub async fn taken_from(&self, former: usize) {
        eventually("another connector takes the lease", async || self.server() != former).await;
    }

    /// The handles of calls on Janus, each with its session.
    pub async fn legs(&self) -> BTreeSet<(u64, u64)> {
        self.janus.admin().await.legs().await.into_iter().collect()
    }

    /// Waits until no handle is left on Janus and no key of a session, handle, name or call in Redis.
    pub async fn is_clean(&self) {
        let mut admin = self.janus.admin().await;
        eventually("no handle is left on Janus", async || admin.all_handles().await == 0).await;
        let redis = self.redis.url();
        eventually("no key of a call is left", async || leftovers(&redis).await.is_empty()).await;
    }
}

/// Waits until calls can be placed on this backend.
pub async fn is_announced(redis: &Redis, backend: &str) {
    eventually("the backend is announced", async || status(redis, backend).await.as_deref() == Some("0"))
        .await;
}

/// What a backend is announced as: `0` is normal, `2` in maintenance; nothing when it is not.
async fn status(redis: &Redis, backend: &str) -> Option<String> {
    let mut connection = redis_connection(&redis.url()).await;
    let key = format!("januscloud:backend_servers:{backend}");
    ::redis::cmd("HGET").arg(key).arg("status").query_async(&mut connection).await.unwrap()
}

/// The number of the connector that got the lease of a backend last.
pub fn server(cluster: &Cluster) -> usize {
    let last = |log: &str| log.lines().rfind(|line| line.contains(SERVES)).map(str::to_owned);
    // Lines begin with the time.
    let lines = cluster.connectors.iter().map(|connector| last(&connector.log()));
    lines.enumerate().max_by(|(_, one), (_, other)| one.cmp(other)).unwrap().0
}

/// Waits until what has come about is written down: what happens in the very last moments before a process
/// dies may happen again or not be known to the next.
pub async fn settled() {
    sleep(Duration::from_millis(300)).await;
}

/// Brings a call up.
pub async fn connect(alice: &mut Client, bob: &mut Client, callee: &str) {
    alice.call(callee).await;
    bob.expect_event("incomingcall").await;
    bob.accept().await;
    alice.expect_event("accepted").await;
}

/// Passes a new offer and its answer through a call: every service and Janus still know both of its legs.
pub async fn talk(alice: &mut Client, bob: &mut Client) {
    alice.renegotiate(sdp::offer()).await;
    bob.expect_event("update").await;
    bob.renegotiate(sdp::answer()).await;
    alice.expect_event("update").await;
}

/// Ends a call; both hear of it.
pub async fn part(alice: &mut Client, bob: &mut Client) {
    alice.hangup().await;
    tokio::join!(told(alice), told(bob));
}

/// Waits until this side knows that the call is over.
pub async fn told(client: &mut Client) {
    client.expect_core("hangup").await;
}

/// Both leave for good.
pub async fn leave(mut alice: Client, mut bob: Client) {
    alice.destroy().await;
    bob.destroy().await;
}
