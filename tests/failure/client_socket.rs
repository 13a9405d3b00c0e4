//! A client's socket drops: its session waits, and any edge gives it back to its client.

use super::gap::Gap;
use super::house::{FailureCluster, connect, leave, part, talk, told};
use super::measure::Since;
use crate::contract::access::{KEY, token};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Client, Service};
use tokio::time::sleep;

const EVENT: &str = "client's socket drops";
const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn its_call_goes_on_at_another_edge() {
    let house = FailureCluster::start().await;
    let (mut alice, mut bob) = house.call("alice", "bob").await;
    for door in [1, 0] {
        let dropped = Since::now(EVENT);
        alice.drop_socket();
        alice.reconnect(&house.edge_url(door)).await;
        dropped.within(AT_ONCE, "claimed on another edge");
        talk(&mut alice, &mut bob).await;
        talk(&mut bob, &mut alice).await;
    }
    part(&mut bob, &mut alice).await;
    connect(&mut bob, &mut alice, "alice").await;
    part(&mut alice, &mut bob).await;
    leave(alice, bob).await;
    house.is_clean().await;
}

#[tokio::test]
async fn what_happens_meanwhile_is_heard_once_and_in_order() {
    let house = FailureCluster::start().await;
    for door in [1, 0] {
        let mut gap = Gap::before(&house, "alice").await;
        gap.away.drop_socket();
        gap.passes("alice").await;
        gap.away.reconnect(&house.edge_url(door)).await;
        gap.ends("alice").await;
    }
    house.is_clean().await;
}

#[tokio::test]
async fn an_answer_that_was_on_its_way_is_heard() {
    let house = FailureCluster::start().await;
    let (mut alice, mut bob) = house.pair("alice", "bob").await;
    let call = json!({"request": "call", "username": "bob"});
    let transaction = alice.post_message(call, Some(testkit::sdp::offer())).await;
    alice.drop_socket();
    bob.expect_event("incomingcall").await;
    bob.accept().await;
    alice.reconnect(&house.edge_url(1)).await;
    alice
        .expect("its answer", |it| it["janus"] == "event" && it["transaction"] == transaction.as_str())
        .await;
    alice.expect_event("accepted").await;
    talk(&mut alice, &mut bob).await;
}

#[tokio::test]
async fn a_claim_takes_a_session_from_a_socket_that_stays_open() {
    let house = FailureCluster::start().await;
    let (mut phone, mut bob) = house.call("alice", "bob").await;
    let mut tablet = Client::claim(&house.edge_url(1), phone.session()).await.with_handle(phone.handle());
    talk(&mut bob, &mut tablet).await;
    phone.expect_no("update").await;
    assert_eq!(phone.request(phone.on_session(json!({"janus": "keepalive"}))).await["error"]["code"], 458);
    phone.reconnect(&house.edge_url(0)).await;
    talk(&mut bob, &mut phone).await;
    tablet.expect_no("update").await;
    part(&mut bob, &mut phone).await;
    leave(phone, bob).await;
    house.is_clean().await;
}

#[tokio::test]
async fn its_time_to_come_back_runs_from_the_drop() {
    const GRACE: Duration = Duration::from_secs(3);
    let house = FailureCluster::with(|plan| plan.with(Service::Edge, "--reclaim-timeout=3")).await;
    let ((mut alice, mut bob), (mut carol, mut dave)) =
        tokio::join!(house.call("alice", "bob"), house.call("carol", "dave"));
    // Its last request was longer ago than the time it has.
    sleep(GRACE).await;
    let dropped = Since::now(EVENT);
    alice.drop_socket();
    carol.drop_socket();
    sleep(GRACE * 2 / 3).await;
    carol.reconnect(&house.edge_url(1)).await;
    told(&mut bob).await;
    assert!(dropped.elapsed() >= GRACE, "its peer was told after {:?}", dropped.elapsed());
    dropped.within(GRACE + Duration::from_secs(2), "its peer is told that it did not come back within 3 s");
    let mut late = Client::connect(&house.edge_url(1)).await;
    let claim = json!({"janus": "claim", "session_id": alice.session()});
    assert_eq!(late.request(claim).await["error"]["code"], 458);
    talk(&mut carol, &mut dave).await;
    part(&mut carol, &mut dave).await;
    leave(carol, dave).await;
    bob.destroy().await;
    house.is_clean().await;
}

#[tokio::test]
async fn only_who_shows_its_token_gets_a_session_back() {
    let house =
        FailureCluster::with(|plan| plan.with(Service::Edge, &format!("--token-auth-secret={KEY}"))).await;
    let own = token("janus.plugin.videocall");
    let other = token("janus.plugin.videocall,janus.plugin.echotest");
    let mut alice = Client::connect(&house.edge_url(0)).await;
    let created = alice.request(json!({"janus": "create", "token": own})).await;
    let session = created["data"]["id"].as_u64().unwrap();
    let claim = |token: &str| json!({"janus": "claim", "session_id": session, "token": token});
    for door in [0, 1] {
        let mut thief = Client::connect(&house.edge_url(door)).await;
        assert_eq!(code(&thief.request(claim(&other)).await), 458, "another good token, door {door}");
        assert_eq!(code(&thief.request(claim("forged")).await), 403);
    }
    let keepalive = json!({"janus": "keepalive", "session_id": session, "token": own});
    assert_eq!(alice.request(keepalive.clone()).await["janus"], "ack", "nothing was taken from its owner");
    alice.drop_socket();
    for door in [1, 0] {
        let mut alice = Client::connect(&house.edge_url(door)).await;
        assert_eq!(alice.request(claim(&own)).await["janus"], "success");
        assert_eq!(alice.request(keepalive.clone()).await["janus"], "ack");
    }
}

fn code(reply: &Value) -> u64 {
    reply["error"]["code"].as_u64().unwrap_or(0)
}
