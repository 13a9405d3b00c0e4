//! A client's socket drops: its session waits, and any edge returns it to its client.

use super::cluster::{Fixture, connect, expect_call_end, hang_up, leave, talk};
use super::measure::Since;
use super::missed_events::MissedEvents;
use crate::contract::access::{KEY, token};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Client, Service};
use tokio::time::sleep;

const EVENT: &str = "client's socket drops";
const CLAIM_TIMEOUT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn call_continues_at_another_edge() {
    let fixture = Fixture::start().await;
    let (mut alice, mut bob) = fixture.call("alice", "bob").await;
    for edge in [1, 0] {
        let dropped = Since::now(EVENT);
        alice.drop_socket();
        alice.reconnect(&fixture.edge_url(edge)).await;
        dropped.within(CLAIM_TIMEOUT, "claimed on another edge");
        talk(&mut alice, &mut bob).await;
        talk(&mut bob, &mut alice).await;
    }
    hang_up(&mut bob, &mut alice).await;
    connect(&mut bob, &mut alice, "alice").await;
    hang_up(&mut alice, &mut bob).await;
    leave(alice, bob).await;
    fixture.expect_clean().await;
}

#[tokio::test]
async fn missed_events_arrive_once_and_in_order() {
    let fixture = Fixture::start().await;
    for edge in [1, 0] {
        let mut missed_events = MissedEvents::before(&fixture, "alice").await;
        missed_events.away.drop_socket();
        missed_events.miss_call("alice").await;
        missed_events.away.reconnect(&fixture.edge_url(edge)).await;
        missed_events.compare("alice").await;
    }
    fixture.expect_clean().await;
}

#[tokio::test]
async fn reply_in_flight_arrives_after_the_claim() {
    let fixture = Fixture::start().await;
    let (mut alice, mut bob) = fixture.pair("alice", "bob").await;
    let call = json!({"request": "call", "username": "bob"});
    let transaction = alice.post_message(call, Some(testkit::sdp::offer())).await;
    alice.drop_socket();
    bob.expect_event("incomingcall").await;
    bob.accept().await;
    alice.reconnect(&fixture.edge_url(1)).await;
    alice
        .expect("its answer", |it| it["janus"] == "event" && it["transaction"] == transaction.as_str())
        .await;
    alice.expect_event("accepted").await;
    talk(&mut alice, &mut bob).await;
}

#[tokio::test]
async fn claim_takes_a_session_from_an_open_socket() {
    let fixture = Fixture::start().await;
    let (mut phone, mut bob) = fixture.call("alice", "bob").await;
    let mut tablet = Client::claim(&fixture.edge_url(1), phone.session()).await.with_handle(phone.handle());
    talk(&mut bob, &mut tablet).await;
    phone.expect_no("update").await;
    assert_eq!(phone.request(phone.on_session(json!({"janus": "keepalive"}))).await["error"]["code"], 458);
    phone.reconnect(&fixture.edge_url(0)).await;
    talk(&mut bob, &mut phone).await;
    tablet.expect_no("update").await;
    hang_up(&mut bob, &mut phone).await;
    leave(phone, bob).await;
    fixture.expect_clean().await;
}

#[tokio::test]
async fn claim_window_starts_at_the_drop() {
    const GRACE: Duration = Duration::from_secs(3);
    let fixture = Fixture::with(|plan| plan.with(Service::Edge, "--reclaim-timeout=3")).await;
    let ((mut alice, mut bob), (mut carol, mut dave)) =
        tokio::join!(fixture.call("alice", "bob"), fixture.call("carol", "dave"));
    // Its last request was longer ago than the claim window.
    sleep(GRACE).await;
    let dropped = Since::now(EVENT);
    alice.drop_socket();
    carol.drop_socket();
    sleep(GRACE * 2 / 3).await;
    carol.reconnect(&fixture.edge_url(1)).await;
    expect_call_end(&mut bob).await;
    assert!(dropped.elapsed() >= GRACE, "its peer was notified after {:?}", dropped.elapsed());
    dropped
        .within(GRACE + Duration::from_secs(2), "its peer is notified that it did not come back within 3 s");
    let mut late = Client::connect(&fixture.edge_url(1)).await;
    let claim = json!({"janus": "claim", "session_id": alice.session()});
    assert_eq!(late.request(claim).await["error"]["code"], 458);
    talk(&mut carol, &mut dave).await;
    hang_up(&mut carol, &mut dave).await;
    leave(carol, dave).await;
    bob.destroy().await;
    fixture.expect_clean().await;
}

#[tokio::test]
async fn claim_needs_the_token() {
    let fixture = Fixture::with(|plan| plan.with(Service::Edge, &format!("--token-auth-secret={KEY}"))).await;
    let own = token("janus.plugin.videocall");
    let other = token("janus.plugin.videocall,janus.plugin.echotest");
    let mut alice = Client::connect(&fixture.edge_url(0)).await;
    let created = alice.request(json!({"janus": "create", "token": own})).await;
    let session = created["data"]["id"].as_u64().unwrap();
    let claim = |token: &str| json!({"janus": "claim", "session_id": session, "token": token});
    for edge in [0, 1] {
        let mut thief = Client::connect(&fixture.edge_url(edge)).await;
        assert_eq!(code(&thief.request(claim(&other)).await), 458, "another valid token, edge {edge}");
        assert_eq!(code(&thief.request(claim("forged")).await), 403);
    }
    let keepalive = json!({"janus": "keepalive", "session_id": session, "token": own});
    assert_eq!(alice.request(keepalive.clone()).await["janus"], "ack", "the owner still has the session");
    alice.drop_socket();
    for edge in [1, 0] {
        let mut owner = Client::connect(&fixture.edge_url(edge)).await;
        assert_eq!(owner.request(claim(&own)).await["janus"], "success");
        assert_eq!(owner.request(keepalive.clone()).await["janus"], "ack");
    }
}

fn code(reply: &Value) -> u64 {
    reply["error"]["code"].as_u64().unwrap_or(0)
}
