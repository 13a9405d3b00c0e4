//! A real janus-sentinel announces its Janus to our rest service.

use super::mixed_cluster::{
    NamedClient, expect_no_handles, plan, refusal, start_remaining, start_without_janus, wait_until_announced,
};
use std::time::Duration;
use testkit::{Cluster, Janus, JanusCloud, Redis, Sentinel, becomes_true};

const NAME: &str = "watched";
/// Time limit until an announcement takes effect: the sentinel checks each second, as do the services.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(10);

struct Watched {
    cluster: Cluster,
    redis: Redis,
    janus: Janus,
    sentinel: Sentinel,
}

impl Watched {
    /// A cluster that knows only the Janus that the sentinel announces.
    async fn start() -> Self {
        let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
        let mut cluster = start_without_janus(&redis).await;
        let sentinel = Sentinel::start(NAME, &janus, &[&callback(&cluster)]).await;
        start_remaining(&mut cluster, &redis).await;
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

/// Places a call, and returns whether it rings.
async fn try_to_ring(caller: &mut NamedClient, callee: &mut NamedClient) -> bool {
    caller.client.clear_inbox().await;
    callee.client.clear_inbox().await;
    let answer = caller.client.try_call(&callee.name).await;
    if answer["result"]["event"] == "calling" {
        callee.client.expect_event("incomingcall").await;
        return true;
    }
    let (code, why) = refusal(&answer);
    // Janus needs a moment to release a name.
    assert!(code == 476 || code == 502, "{why}");
    false
}

/// Waits until a call rings.
async fn calls(caller: &mut NamedClient, callee: &mut NamedClient) {
    let rang = becomes_true(EFFECT_TIMEOUT, async || try_to_ring(caller, callee).await).await;
    assert!(rang, "no call can be placed:\n{}", caller.client.transcript());
}

/// Waits until a call rings, and hangs up.
async fn can_call(caller: &mut NamedClient, callee: &mut NamedClient) {
    calls(caller, callee).await;
    callee.hang_up_on(caller).await;
}

/// Waits until calls are refused.
async fn cannot_call(caller: &mut NamedClient, callee: &mut NamedClient) {
    let refused = becomes_true(EFFECT_TIMEOUT, async || {
        let rang = try_to_ring(caller, callee).await;
        if rang {
            callee.hang_up_on(caller).await;
        }
        !rang
    });
    assert!(refused.await, "calls are still placed:\n{}", caller.client.transcript());
}

#[tokio::test]
async fn announced_janus_takes_calls_until_it_dies() {
    let mut watched = Watched::start().await;
    let (mut alice, mut bob) = watched.pair().await;
    calls(&mut alice, &mut bob).await;
    alice.expect_accept_by(&mut bob).await;
    watched.janus.kill();
    alice.client.expect_core("hangup").await;
    bob.client.expect_core("hangup").await;
    cannot_call(&mut alice, &mut bob).await;
    watched.janus.restart().await;
    can_call(&mut alice, &mut bob).await;
    expect_no_handles(&watched.janus).await;
}

#[tokio::test]
async fn janus_in_maintenance_keeps_calls_and_gets_no_new_ones() {
    let watched = Watched::start().await;
    let (mut alice, mut bob) = watched.pair().await;
    let edge = watched.cluster.edge_url(0);
    let (mut carol, mut dave) = (NamedClient::at(&edge, "carol").await, NamedClient::at(&edge, "dave").await);
    calls(&mut alice, &mut bob).await;
    watched.sentinel.start_maintenance().await;
    cannot_call(&mut carol, &mut dave).await;
    alice.expect_accept_by(&mut bob).await;
    bob.hang_up_on(&mut alice).await;
    expect_no_handles(&watched.janus).await;
    watched.sentinel.stop_maintenance().await;
    can_call(&mut carol, &mut dave).await;
}

#[tokio::test]
async fn record_expires_without_sentinel_and_calls_continue() {
    let mut watched = Watched::start().await;
    let (mut alice, mut bob) = watched.pair().await;
    let edge = watched.cluster.edge_url(0);
    let (mut carol, mut dave) = (NamedClient::at(&edge, "carol").await, NamedClient::at(&edge, "dave").await);
    calls(&mut alice, &mut bob).await;
    watched.sentinel.kill();
    cannot_call(&mut carol, &mut dave).await;
    alice.expect_accept_by(&mut bob).await;
    alice.hang_up_on(&mut bob).await;
    expect_no_handles(&watched.janus).await;
}

#[tokio::test]
async fn janus_whose_sentinel_is_stopped_gets_no_new_calls() {
    let mut watched = Watched::start().await;
    let (mut alice, mut bob) = watched.pair().await;
    can_call(&mut alice, &mut bob).await;
    watched.sentinel.terminate().await;
    cannot_call(&mut alice, &mut bob).await;
    expect_no_handles(&watched.janus).await;
}

#[tokio::test]
async fn janus_announced_to_us_serves_calls_across_systems() {
    let watched = Watched::start().await;
    let proxy = JanusCloud::start(&watched.redis.url(), &[]).await;
    wait_until_announced(&watched.redis).await;
    let mut alice = NamedClient::at(&watched.cluster.edge_url(0), "alice").await;
    let mut bob = NamedClient::at(&proxy.ws_url(), "bob").await;
    can_call(&mut alice, &mut bob).await;
    can_call(&mut bob, &mut alice).await;
    expect_no_handles(&watched.janus).await;
}

/// A sentinel that announces to a proxy of janus-cloud, as before Switchboard was added.
#[tokio::test]
async fn janus_announced_to_janus_cloud_is_used_by_us() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let proxy = JanusCloud::start(&redis.url(), &[]).await;
    let callback = format!("{}/sentinel_callback", proxy.rest_url());
    let mut sentinel = Sentinel::start(NAME, &janus, &[&callback]).await;
    let cluster = plan(&redis).start().await;
    wait_until_announced(&redis).await;
    let mut alice = NamedClient::at(&cluster.edge_url(0), "alice").await;
    let mut bob = NamedClient::at(&cluster.edge_url(0), "bob").await;
    can_call(&mut alice, &mut bob).await;
    sentinel.kill();
    cannot_call(&mut alice, &mut bob).await;
    expect_no_handles(&janus).await;
}
