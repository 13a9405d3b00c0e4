//! Janus servers that somebody else has written into the shared Redis: we use them, and leave their records
//! as they are.

use super::house::{
    MixedCluster, NamedClient, backend_key, first_half, has_no_legs, hash, knows_us, plan, refusal,
    second_half,
};
use crate::fixture::redis_connection;
use serde_json::json;
use std::time::Duration;
use testkit::{Cluster, Janus, JanusCloud, Redis, becomes_true, http};

/// How soon a Janus that is new in Redis must be used, and one that is gone must not be any more.
const NOTICED: Duration = Duration::from_secs(10);

/// A cluster whose connectors know no Janus themselves, beside a proxy of janus-cloud that knows these.
struct Guest {
    cluster: Cluster,
    peer: JanusCloud,
    redis: Redis,
}

impl Guest {
    async fn beside(backends: &[(&str, &Janus)]) -> Self {
        let redis = Redis::start().await;
        let urls: Vec<(&str, String)> = backends.iter().map(|(name, janus)| (*name, janus.url())).collect();
        let urls: Vec<(&str, &str)> = urls.iter().map(|(name, url)| (*name, url.as_str())).collect();
        let url = redis.url();
        let (cluster, peer) = tokio::join!(plan(&redis).start(), JanusCloud::start(&url, &urls));
        knows_us(&redis).await;
        Self { cluster, peer, redis }
    }

    async fn here(&self, name: &str) -> NamedClient {
        NamedClient::at(&self.cluster.edge_url(0), name).await
    }

    async fn there(&self, name: &str) -> NamedClient {
        NamedClient::at(&self.peer.ws_url(), name).await
    }
}

/// Whether, in that time, a call goes through; it is hung up again.
async fn can_call(caller: &mut NamedClient, callee: &mut NamedClient) -> bool {
    becomes_true(NOTICED, async || {
        let answer = caller.client.try_call(&callee.name).await;
        if answer["result"]["event"] != "calling" {
            let (code, why) = refusal(&answer);
            // Janus needs a moment to forget a name.
            assert!(code == 476 || (code, why) == (502, "No backend server"), "{answer}");
            return false;
        }
        callee.client.expect_event("incomingcall").await;
        callee.hangs_up_on(caller).await;
        true
    })
    .await
}

/// Whether, in that time, calls are refused, since there is no Janus for them.
async fn cannot_call(caller: &mut NamedClient, callee: &mut NamedClient) -> bool {
    becomes_true(NOTICED, async || {
        let answer = caller.client.try_call(&callee.name).await;
        if answer["result"]["event"] == "calling" {
            callee.client.expect_event("incomingcall").await;
            callee.hangs_up_on(caller).await;
            return false;
        }
        refusal(&answer) == (502, "No backend server")
    })
    .await
}

#[tokio::test]
async fn the_janus_servers_of_a_janus_cloud_are_ours_too_and_stay_theirs() {
    let janus = Janus::start().await;
    let mut guest = Guest::beside(&[("a", &janus)]).await;
    let before = hash(&guest.redis, &backend_key("a")).await;
    let (mut alice, mut bob) = (guest.here("alice").await, guest.here("bob").await);
    let mut carol = guest.there("carol").await;
    assert!(can_call(&mut alice, &mut bob).await);
    assert!(can_call(&mut alice, &mut carol).await);
    assert!(can_call(&mut carol, &mut alice).await);
    assert_eq!(hash(&guest.redis, &backend_key("a")).await, before);

    // We leave, and they have what they had.
    alice.leaves().await;
    bob.leaves().await;
    for process in guest.cluster.processes() {
        process.terminate();
    }
    for process in guest.cluster.processes() {
        process.wait_exit().await;
    }
    assert_eq!(hash(&guest.redis, &backend_key("a")).await, before);
    has_no_legs(&janus).await;
    let mut dave = guest.there("dave").await;
    assert!(can_call(&mut carol, &mut dave).await);
}

#[tokio::test]
async fn a_janus_that_an_operator_tells_them_of_is_used_until_it_is_taken_away() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let (mut cluster, peer) = (first_half(&redis).await, JanusCloud::start(&redis.url(), &[]).await);
    let servers = format!("{}/backend_servers", peer.rest_url());
    let server = json!({"name": "a", "url": janus.url(), "status": 0, "expire": 0});
    assert_eq!(http::post(&servers, &server.to_string()).await.status, 200);
    second_half(&mut cluster, &redis).await;
    let guest = Guest { cluster, peer, redis };
    let (mut alice, mut bob) = (guest.here("alice").await, guest.here("bob").await);
    let mut carol = guest.there("carol").await;
    assert!(can_call(&mut alice, &mut bob).await);
    assert!(can_call(&mut carol, &mut bob).await);

    let maintained = json!({"name": "a", "url": janus.url(), "status": 2, "expire": 0});
    assert_eq!(http::post(&servers, &maintained.to_string()).await.status, 200);
    assert!(cannot_call(&mut alice, &mut bob).await);
    assert_eq!(http::post(&servers, &server.to_string()).await.status, 200);
    assert!(can_call(&mut alice, &mut bob).await);

    alice.talks_to(&mut carol).await;
    assert_eq!(http::ask("DELETE", &format!("{servers}/a"), "").await.unwrap().status, 200);
    let mut dave = guest.here("dave").await;
    assert!(cannot_call(&mut bob, &mut dave).await);
    carol.hangs_up_on(&mut alice).await;
    has_no_legs(&janus).await;
}

#[tokio::test]
async fn a_janus_that_we_tell_of_is_theirs_too() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let plan = plan(&redis).backend("b", &janus);
    let url = redis.url();
    let (cluster, peer) = tokio::join!(plan.start(), JanusCloud::start(&url, &[]));
    knows_us(&redis).await;
    super::house::has(&redis, "b").await;
    let guest = Guest { cluster, peer, redis };
    let (mut alice, mut bob) = (guest.there("alice").await, guest.there("bob").await);
    let mut carol = guest.here("carol").await;
    assert!(can_call(&mut alice, &mut bob).await);
    assert!(can_call(&mut alice, &mut carol).await);
    assert!(can_call(&mut carol, &mut bob).await);
}

/// Both sides are told of one Janus under one name, as an operator does who copies the list.
#[tokio::test]
async fn one_name_for_one_janus_on_both_sides_harms_nobody() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let (url, janus_url) = (redis.url(), janus.url());
    let peer = JanusCloud::start(&url, &[("a", &janus_url)]).await;
    let cluster = plan(&redis).backend("a", &janus).start().await;
    knows_us(&redis).await;
    let mut guest = Guest { cluster, peer, redis };
    let (mut alice, mut bob) = (guest.here("alice").await, guest.there("bob").await);
    assert!(can_call(&mut alice, &mut bob).await);
    assert!(can_call(&mut bob, &mut alice).await);
    for process in guest.cluster.processes() {
        process.kill();
    }
    // A record that somebody has made for ever does not end with us.
    becomes_true(NOTICED, async || seconds_to_live(&guest.redis, &backend_key("a")).await < 0).await;
    let record = hash(&guest.redis, &backend_key("a")).await;
    assert_eq!(record.get("url"), Some(&janus.url()), "{record:?}");
    let mut dave = guest.there("dave").await;
    assert!(can_call(&mut bob, &mut dave).await);
}

/// Below zero for a key that has no end, and for none.
async fn seconds_to_live(redis: &Redis, key: &str) -> i64 {
    let mut connection = redis_connection(&redis.url()).await;
    ::redis::cmd("TTL").arg(key).query_async(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_house_has_one_janus_under_two_names() {
    let house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    let servers = http::get(&format!("{}/api/v1/backends", house.cluster.rest_url(0))).await;
    assert_eq!(servers.status, 200, "{}", servers.body);
    for _ in 0..4 {
        alice.talks_to(&mut bob).await;
        bob.hangs_up_on(&mut alice).await;
        bob.talks_to(&mut alice).await;
        alice.hangs_up_on(&mut bob).await;
    }
    house.all_are_free(&["alice", "bob"]).await;
}
