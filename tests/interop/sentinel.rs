//! A real janus-sentinel tells our rest of its Janus.

use super::house::{NamedClient, first_half, has_no_legs, knows_us, plan, refusal, second_half};
use std::time::Duration;
use testkit::{Cluster, Janus, JanusCloud, Redis, Sentinel, becomes_true};

const NAME: &str = "watched";
/// How soon what the sentinel says must have its effect: it looks each second, and the others have theirs.
const HEEDED: Duration = Duration::from_secs(10);

struct Watched {
    cluster: Cluster,
    redis: Redis,
    janus: Janus,
    sentinel: Sentinel,
}

impl Watched {
    /// A cluster that knows no Janus but the one that the sentinel tells it of.
    async fn start() -> Self {
        let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
        let mut cluster = first_half(&redis).await;
        let sentinel = Sentinel::start(NAME, &janus, &[&callback(&cluster)]).await;
        second_half(&mut cluster, &redis).await;
        Self { cluster, redis, janus, sentinel }
    }

    async fn pair(&self) -> (NamedClient, NamedClient) {
        let edge = self.cluster.edge_url(0);
        (NamedClient::at(&edge, "alice").await, NamedClient::at(&edge, "bob").await)
    }
}

fn callback(cluster: &Cluster) -> String {
    format!("{}/sentinel_callback", cluster.rest_url(0))
}

async fn tries(caller: &mut NamedClient, callee: &mut NamedClient) -> bool {
    caller.client.clear_inbox().await;
    callee.client.clear_inbox().await;
    let answer = caller.client.try_call(&callee.name).await;
    if answer["result"]["event"] == "calling" {
        callee.client.expect_event("incomingcall").await;
        return true;
    }
    let (code, why) = refusal(&answer);
    // Janus needs a moment to forget a name.
    assert!(code == 476 || code == 502, "{why}");
    false
}

/// Waits until a call rings.
async fn calls(caller: &mut NamedClient, callee: &mut NamedClient) {
    let came = becomes_true(HEEDED, async || tries(caller, callee).await).await;
    assert!(came, "no call can be placed:\n{}", caller.client.transcript());
}

/// Waits until a call rings, and hangs up.
async fn can_call(caller: &mut NamedClient, callee: &mut NamedClient) {
    calls(caller, callee).await;
    callee.hangs_up_on(caller).await;
}

/// Waits until calls are refused.
async fn cannot_call(caller: &mut NamedClient, callee: &mut NamedClient) {
    let refused = becomes_true(HEEDED, async || {
        let rang = tries(caller, callee).await;
        if rang {
            callee.hangs_up_on(caller).await;
        }
        !rang
    });
    assert!(refused.await, "calls are still placed:\n{}", caller.client.transcript());
}

#[tokio::test]
async fn a_janus_of_which_a_sentinel_tells_takes_calls_until_it_dies() {
    let mut watched = Watched::start().await;
    let (mut alice, mut bob) = watched.pair().await;
    calls(&mut alice, &mut bob).await;
    alice.is_accepted_by(&mut bob).await;
    watched.janus.kill();
    alice.client.expect_core("hangup").await;
    bob.client.expect_core("hangup").await;
    cannot_call(&mut alice, &mut bob).await;
    watched.janus.restart().await;
    can_call(&mut alice, &mut bob).await;
    has_no_legs(&watched.janus).await;
}

#[tokio::test]
async fn a_janus_in_maintenance_keeps_its_calls_and_gets_no_new_ones() {
    let watched = Watched::start().await;
    let (mut alice, mut bob) = watched.pair().await;
    let edge = watched.cluster.edge_url(0);
    let (mut carol, mut dave) = (NamedClient::at(&edge, "carol").await, NamedClient::at(&edge, "dave").await);
    calls(&mut alice, &mut bob).await;
    watched.sentinel.start_maintenance().await;
    cannot_call(&mut carol, &mut dave).await;
    alice.is_accepted_by(&mut bob).await;
    bob.hangs_up_on(&mut alice).await;
    has_no_legs(&watched.janus).await;
    watched.sentinel.stop_maintenance().await;
    can_call(&mut carol, &mut dave).await;
}

#[tokio::test]
async fn a_janus_whose_sentinel_is_killed_runs_out_and_its_calls_go_on() {
    let mut watched = Watched::start().await;
    let (mut alice, mut bob) = watched.pair().await;
    let edge = watched.cluster.edge_url(0);
    let (mut carol, mut dave) = (NamedClient::at(&edge, "carol").await, NamedClient::at(&edge, "dave").await);
    calls(&mut alice, &mut bob).await;
    watched.sentinel.kill();
    cannot_call(&mut carol, &mut dave).await;
    alice.is_accepted_by(&mut bob).await;
    alice.hangs_up_on(&mut bob).await;
    has_no_legs(&watched.janus).await;
}

#[tokio::test]
async fn a_janus_whose_sentinel_is_stopped_gets_no_new_calls() {
    let mut watched = Watched::start().await;
    let (mut alice, mut bob) = watched.pair().await;
    can_call(&mut alice, &mut bob).await;
    watched.sentinel.terminate().await;
    cannot_call(&mut alice, &mut bob).await;
    has_no_legs(&watched.janus).await;
}

#[tokio::test]
async fn a_janus_of_which_a_sentinel_tells_us_serves_calls_with_them() {
    let watched = Watched::start().await;
    let peer = JanusCloud::start(&watched.redis.url(), &[]).await;
    knows_us(&watched.redis).await;
    let mut alice = NamedClient::at(&watched.cluster.edge_url(0), "alice").await;
    let mut bob = NamedClient::at(&peer.ws_url(), "bob").await;
    can_call(&mut alice, &mut bob).await;
    can_call(&mut bob, &mut alice).await;
    has_no_legs(&watched.janus).await;
}

/// A sentinel that tells their proxy, as it did before we came.
#[tokio::test]
async fn a_janus_of_which_a_sentinel_tells_them_is_ours_too() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let peer = JanusCloud::start(&redis.url(), &[]).await;
    let callback = format!("{}/sentinel_callback", peer.rest_url());
    let mut sentinel = Sentinel::start(NAME, &janus, &[&callback]).await;
    let cluster = plan(&redis).start().await;
    knows_us(&redis).await;
    let mut alice = NamedClient::at(&cluster.edge_url(0), "alice").await;
    let mut bob = NamedClient::at(&cluster.edge_url(0), "bob").await;
    can_call(&mut alice, &mut bob).await;
    sentinel.kill();
    cannot_call(&mut alice, &mut bob).await;
    has_no_legs(&janus).await;
}
