//! Redis restarts, with its data or without: services come back by themselves, calls stay up, names are
//! known again without any client doing anything, and what was up can be ended properly.

use super::house::{FailureCluster, leave, part, talk};
use super::measure::Since;
use crate::fixture::redis_connection;
use serde_json::json;
use std::time::Duration;
use testkit::{Client, eventually, http};

const READY: Duration = Duration::from_secs(10);

#[tokio::test]
async fn with_its_data() {
    survives("Redis restarts with its data", FailureCluster::on_lasting_redis().await, true).await;
}

#[tokio::test]
async fn without_its_data() {
    survives("Redis restarts empty", FailureCluster::start().await, true).await;
}

#[tokio::test]
async fn flushed() {
    survives("Redis is flushed", FailureCluster::start().await, false).await;
}

async fn survives(event: &'static str, mut house: FailureCluster, restarts: bool) {
    let ((alice, bob), (mut carol, dave)) =
        tokio::join!(house.call("alice", "bob"), house.pair("carol", "dave"));
    let lost = Since::now(event);
    if restarts {
        house.redis.restart().await;
    } else {
        flush(&house).await;
    }
    house.cluster.wait_ready().await;
    lost.within(READY, "every service is ready again");
    all_is_known(&house).await;
    lost.within(READY, "every name and mailbox is there again");
    assert!(exists(&mut carol, "alice").await);
    goes_on(lost, house, (alice, bob), (carol, dave)).await;
}

/// What was up goes on and ends, and new calls can be made.
pub async fn goes_on(lost: Since, house: FailureCluster, call: (Client, Client), idle: (Client, Client)) {
    let ((mut alice, mut bob), (mut carol, mut dave)) = (call, idle);
    talk(&mut alice, &mut bob).await;
    talk(&mut bob, &mut alice).await;
    // A router that has not looked yet knows no backend for anybody: each looks every second.
    eventually("who is in a call is known to be", async || {
        carol.clear_inbox().await;
        let answer = carol.try_call("bob").await;
        assert_ne!(answer["result"]["event"], "calling", "bob is in a call");
        answer["result"]["reason"] == "User busy"
    })
    .await;
    carol.clear_inbox().await;
    calls_again(&mut carol, &mut dave, "dave").await;
    lost.within(READY + Duration::from_secs(2), "a new call rings and is answered");
    part(&mut alice, &mut bob).await;
    alice.clear_inbox().await;
    bob.clear_inbox().await;
    calls_again(&mut bob, &mut alice, "alice").await;
    part(&mut carol, &mut dave).await;
    part(&mut bob, &mut alice).await;
    leave(alice, bob).await;
    leave(carol, dave).await;
    house.is_clean().await;
}

/// Has a call, as soon as every router knows a backend again: each looks every second.
async fn calls_again(caller: &mut Client, callee: &mut Client, name: &str) {
    eventually("a new call can be placed", async || {
        caller.clear_inbox().await;
        caller.try_call(name).await["result"]["event"] == "calling"
    })
    .await;
    callee.expect_event("incomingcall").await;
    callee.accept().await;
    caller.expect_event("accepted").await;
}

/// Waits until the four have their names again, and both edges and the backend their mailboxes.
pub async fn all_is_known(house: &FailureCluster) {
    let mut redis = redis_connection(&house.redis.url()).await;
    for (keys, count) in [("januscloud:videocall_users:*", 4), ("sb:{edge-*", 2), ("sb:{backend:*", 1)] {
        eventually(&format!("there are {count} keys {keys}"), async || {
            let found: Vec<String> = redis::cmd("KEYS").arg(keys).query_async(&mut redis).await.unwrap();
            found.len() == count
        })
        .await;
    }
}

/// Whether somebody has this name, as the cluster answers.
pub async fn exists(client: &mut Client, name: &str) -> bool {
    let asked = client.ask(json!({"request": "exists", "username": name}), None).await;
    asked["result"]["registered"] == true
}

async fn flush(house: &FailureCluster) {
    let mut redis = redis_connection(&house.redis.url()).await;
    redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await.unwrap();
}

/// What `/readyz` of a process says, with its status.
pub async fn readiness(url: &str) -> (u16, String) {
    let response = http::get(&format!("{url}/readyz")).await;
    (response.status, response.body)
}
