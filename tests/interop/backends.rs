//! Janus servers that another program has registered in the shared Redis: Switchboard uses them, and leaves
//! their records unchanged.

use super::mixed_cluster::{
    MixedCluster, NamedClient, backend_key, expect_no_handles, hash, plan, refusal, start_remaining,
    start_without_janus, wait_until_announced,
};
use crate::fixture::redis_connection;
use serde_json::json;
use std::time::Duration;
use testkit::{Cluster, Janus, JanusCloud, Redis, becomes_true, http};

/// Time limit for using a Janus that is new in Redis, and for releasing one that was removed.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A cluster whose connectors have no Janus configured, beside a proxy of janus-cloud with these servers.
struct Guest {
    cluster: Cluster,
    proxy: JanusCloud,
    redis: Redis,
}

impl Guest {
    async fn start_beside(backends: &[(&str, &Janus)]) -> Self {
        let redis = Redis::start().await;
        let urls: Vec<(&str, String)> = backends.iter().map(|(name, janus)| (*name, janus.url())).collect();
        let urls: Vec<(&str, &str)> = urls.iter().map(|(name, url)| (*name, url.as_str())).collect();
        let url = redis.url();
        let (cluster, proxy) = tokio::join!(plan(&redis).start(), JanusCloud::start(&url, &urls));
        wait_until_announced(&redis).await;
        Self { cluster, proxy, redis }
    }

    async fn registered_here(&self, name: &str) -> NamedClient {
        NamedClient::at(&self.cluster.edge_url(0), name).await
    }

    async fn registered_there(&self, name: &str) -> NamedClient {
        NamedClient::at(&self.proxy.ws_url(), name).await
    }
}

/// Whether a call succeeds within that time. It is hung up again.
async fn can_call(caller: &mut NamedClient, callee: &mut NamedClient) -> bool {
    becomes_true(EFFECT_TIMEOUT, async || {
        let answer = caller.client.try_call(&callee.name).await;
        if answer["result"]["event"] != "calling" {
            let (code, why) = refusal(&answer);
            // Janus needs a moment to release a name.
            assert!(code == 476 || (code, why) == (502, "No backend server"), "{answer}");
            return false;
        }
        callee.client.expect_event("incomingcall").await;
        callee.hang_up_on(caller).await;
        true
    })
    .await
}

/// Whether calls are refused within that time, because no Janus is available.
async fn cannot_call(caller: &mut NamedClient, callee: &mut NamedClient) -> bool {
    becomes_true(EFFECT_TIMEOUT, async || {
        let answer = caller.client.try_call(&callee.name).await;
        if answer["result"]["event"] == "calling" {
            callee.client.expect_event("incomingcall").await;
            callee.hang_up_on(caller).await;
            return false;
        }
        refusal(&answer) == (502, "No backend server")
    })
    .await
}

#[tokio::test]
async fn janus_servers_of_janus_cloud_are_shared_and_unchanged() {
    let janus = Janus::start().await;
    let mut guest = Guest::start_beside(&[("a", &janus)]).await;
    let before = hash(&guest.redis, &backend_key("a")).await;
    let (mut alice, mut bob) = (guest.registered_here("alice").await, guest.registered_here("bob").await);
    let mut carol = guest.registered_there("carol").await;
    assert!(can_call(&mut alice, &mut bob).await);
    assert!(can_call(&mut alice, &mut carol).await);
    assert!(can_call(&mut carol, &mut alice).await);
    assert_eq!(hash(&guest.redis, &backend_key("a")).await, before);

    // After Switchboard has stopped, the record is as before.
    alice.leave().await;
    bob.leave().await;
    for process in guest.cluster.processes() {
        process.terminate();
    }
    for process in guest.cluster.processes() {
        process.wait_exit().await;
    }
    assert_eq!(hash(&guest.redis, &backend_key("a")).await, before);
    expect_no_handles(&janus).await;
    let mut dave = guest.registered_there("dave").await;
    assert!(can_call(&mut carol, &mut dave).await);
}

#[tokio::test]
async fn janus_added_by_operator_is_used_until_removed() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let (mut cluster, proxy) =
        (start_without_janus(&redis).await, JanusCloud::start(&redis.url(), &[]).await);
    let servers = format!("{}/backend_servers", proxy.rest_url());
    let server = json!({"name": "a", "url": janus.url(), "status": 0, "expire": 0});
    assert_eq!(http::post(&servers, &server.to_string()).await.status, 200);
    start_remaining(&mut cluster, &redis).await;
    let guest = Guest { cluster, proxy, redis };
    let (mut alice, mut bob) = (guest.registered_here("alice").await, guest.registered_here("bob").await);
    let mut carol = guest.registered_there("carol").await;
    assert!(can_call(&mut alice, &mut bob).await);
    assert!(can_call(&mut carol, &mut bob).await);

    let maintained = json!({"name": "a", "url": janus.url(), "status": 2, "expire": 0});
    assert_eq!(http::post(&servers, &maintained.to_string()).await.status, 200);
    assert!(cannot_call(&mut alice, &mut bob).await);
    assert_eq!(http::post(&servers, &server.to_string()).await.status, 200);
    assert!(can_call(&mut alice, &mut bob).await);

    alice.call(&mut carol).await;
    assert_eq!(http::send("DELETE", &format!("{servers}/a"), "").await.unwrap().status, 200);
    let mut dave = guest.registered_here("dave").await;
    assert!(cannot_call(&mut bob, &mut dave).await);
    carol.hang_up_on(&mut alice).await;
    expect_no_handles(&janus).await;
}

#[tokio::test]
async fn janus_announced_by_us_is_used_by_janus_cloud() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let plan = plan(&redis).backend("b", &janus);
    let url = redis.url();
    let (cluster, proxy) = tokio::join!(plan.start(), JanusCloud::start(&url, &[]));
    wait_until_announced(&redis).await;
    super::mixed_cluster::has(&redis, "b").await;
    let guest = Guest { cluster, proxy, redis };
    let (mut alice, mut bob) = (guest.registered_there("alice").await, guest.registered_there("bob").await);
    let mut carol = guest.registered_here("carol").await;
    assert!(can_call(&mut alice, &mut bob).await);
    assert!(can_call(&mut alice, &mut carol).await);
    assert!(can_call(&mut carol, &mut bob).await);
}

/// Both systems have one Janus configured under the same name, as when an operator copies the list.
#[tokio::test]
async fn same_backend_name_in_both_systems_works() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let (url, janus_url) = (redis.url(), janus.url());
    let proxy = JanusCloud::start(&url, &[("a", &janus_url)]).await;
    let cluster = plan(&redis).backend("a", &janus).start().await;
    wait_until_announced(&redis).await;
    let mut guest = Guest { cluster, proxy, redis };
    let (mut alice, mut bob) = (guest.registered_here("alice").await, guest.registered_there("bob").await);
    assert!(can_call(&mut alice, &mut bob).await);
    assert!(can_call(&mut bob, &mut alice).await);
    for process in guest.cluster.processes() {
        process.kill();
    }
    // A record without an expiry is not removed when Switchboard stops.
    let persists = async || seconds_to_live(&guest.redis, &backend_key("a")).await < 0;
    assert!(becomes_true(EFFECT_TIMEOUT, persists).await, "the record keeps its expiry");
    let record = hash(&guest.redis, &backend_key("a")).await;
    assert_eq!(record.get("url"), Some(&janus.url()), "{record:?}");
    let mut dave = guest.registered_there("dave").await;
    assert!(can_call(&mut bob, &mut dave).await);
}

/// Negative for a key without an expiry, and for a missing key.
async fn seconds_to_live(redis: &Redis, key: &str) -> i64 {
    let mut connection = redis_connection(&redis.url()).await;
    ::redis::cmd("TTL").arg(key).query_async(&mut connection).await.unwrap()
}

#[tokio::test]
async fn one_janus_under_two_names_works() {
    let mixed = MixedCluster::start().await;
    let (mut alice, mut bob) = (mixed.registered_here("alice").await, mixed.registered_there("bob").await);
    let servers = http::get(&format!("{}/api/v1/backends", mixed.cluster.rest_url(0))).await;
    assert_eq!(servers.status, 200, "{}", servers.body);
    for _ in 0..4 {
        alice.call(&mut bob).await;
        bob.hang_up_on(&mut alice).await;
        bob.call(&mut alice).await;
        alice.hang_up_on(&mut bob).await;
    }
    mixed.expect_all_free(&["alice", "bob"]).await;
}
