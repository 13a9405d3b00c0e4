//! Redis restarts, with its data or without: services reconnect, calls continue, and names are restored
//! without any action of the clients. Established calls can be ended properly.

use super::cluster::{Fixture, hang_up, leave, talk};
use super::measure::Since;
use crate::fixture::redis_connection;
use serde_json::json;
use std::time::Duration;
use testkit::{Client, eventually, http};

const READY_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn calls_survive_a_restart_with_data() {
    check_recovery("Redis restarts with its data", Fixture::on_persistent_redis().await, true).await;
}

#[tokio::test]
async fn calls_survive_a_restart_without_data() {
    check_recovery("Redis restarts empty", Fixture::start().await, true).await;
}

#[tokio::test]
async fn calls_survive_a_flush() {
    check_recovery("Redis is flushed", Fixture::start().await, false).await;
}

async fn check_recovery(event: &'static str, mut fixture: Fixture, restarts: bool) {
    let ((alice, bob), (mut carol, dave)) =
        tokio::join!(fixture.call("alice", "bob"), fixture.pair("carol", "dave"));
    let lost = Since::now(event);
    if restarts {
        fixture.redis.restart().await;
    } else {
        flush(&fixture).await;
    }
    fixture.cluster.wait_ready().await;
    lost.within(READY_TIMEOUT, "every service is ready again");
    expect_all_registered(&fixture).await;
    lost.within(READY_TIMEOUT, "every name and mailbox is restored");
    assert!(exists(&mut carol, "alice").await);
    continues(lost, fixture, (alice, bob), (carol, dave)).await;
}

/// Established calls continue and end, and new calls can be made.
pub async fn continues(lost: Since, fixture: Fixture, call: (Client, Client), idle: (Client, Client)) {
    let ((mut alice, mut bob), (mut carol, mut dave)) = (call, idle);
    talk(&mut alice, &mut bob).await;
    talk(&mut bob, &mut alice).await;
    // A router that has not refreshed its backends yet knows none. Each refreshes every second.
    eventually("bob is known to be in a call", async || {
        carol.clear_inbox().await;
        let answer = carol.try_call("bob").await;
        assert_ne!(answer["result"]["event"], "calling", "bob is in a call");
        answer["result"]["reason"] == "User busy"
    })
    .await;
    carol.clear_inbox().await;
    call_when_ready(&mut carol, &mut dave, "dave").await;
    lost.within(READY_TIMEOUT + Duration::from_secs(2), "a new call rings and is answered");
    hang_up(&mut alice, &mut bob).await;
    alice.clear_inbox().await;
    bob.clear_inbox().await;
    call_when_ready(&mut bob, &mut alice, "alice").await;
    hang_up(&mut carol, &mut dave).await;
    hang_up(&mut bob, &mut alice).await;
    leave(alice, bob).await;
    leave(carol, dave).await;
    fixture.expect_clean().await;
}

/// Makes a call as soon as every router knows a backend again. Each refreshes every second.
pub async fn call_when_ready(caller: &mut Client, callee: &mut Client, name: &str) {
    eventually("a new call can be placed", async || {
        caller.clear_inbox().await;
        caller.try_call(name).await["result"]["event"] == "calling"
    })
    .await;
    callee.expect_event("incomingcall").await;
    callee.accept().await;
    caller.expect_event("accepted").await;
}

/// Waits until the four clients have their names again, both edges and the backend their mailboxes, and the call its
/// record. The edges restore names, the connector restores the call.
pub async fn expect_all_registered(fixture: &Fixture) {
    let mut redis = redis_connection(&fixture.redis.url()).await;
    for (keys, count) in
        [("januscloud:videocall_users:*", 4), ("sb:{edge-*", 2), ("sb:{backend:*", 1), ("sb:call:*", 1)]
    {
        eventually(&format!("there are {count} keys {keys}"), async || {
            let found: Vec<String> = redis::cmd("KEYS").arg(keys).query_async(&mut redis).await.unwrap();
            found.len() == count
        })
        .await;
    }
}

/// Whether a name is registered, according to the cluster.
pub async fn exists(client: &mut Client, name: &str) -> bool {
    let answer = client.request_plugin(json!({"request": "exists", "username": name}), None).await;
    answer["result"]["registered"] == true
}

async fn flush(fixture: &Fixture) {
    let mut redis = redis_connection(&fixture.redis.url()).await;
    redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await.unwrap();
}

/// The answer of a process to `/readyz`, with its status.
pub async fn readiness(url: &str) -> (u16, String) {
    let response = http::get(&format!("{url}/readyz")).await;
    (response.status, response.body)
}
