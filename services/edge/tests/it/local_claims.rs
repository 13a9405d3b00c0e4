//! A client claims its session at the same edge.

use crate::harness::Harness;
use bus::message::Body;
use serde_json::{Value, json};
use testkit::{Client, eventually};

#[tokio::test]
async fn backlog_is_delivered_in_order_after_a_claim() {
    let mut harness = Harness::start(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    alice.drop_socket();
    harness.wait_for_disconnect(&received, leg).await;
    for event in ["one", "two", "three"] {
        harness.send(&received.request, Some(leg.call), None, event).await;
    }
    alice.reconnect(&harness.url).await;
    harness.send(&received.request, Some(leg.call), None, "four").await;
    alice.expect_event("four").await;
    assert!(
        alice.transcript().events().ends_with(&["one", "two", "three", "four"]),
        "{}",
        alice.transcript()
    );
}

#[tokio::test]
async fn claim_takes_a_session_from_an_open_socket() {
    let mut harness = Harness::start(&[]).await;
    let (mut old, received, leg) = harness.ringing().await;
    let mut new = Client::claim(&harness.url, old.session()).await.with_handle(old.handle());
    harness.send(&received.request, Some(leg.call), None, "update").await;
    new.expect_event("update").await;
    old.expect_no("update").await;
    let reply = old.request(old.on_session(json!({"janus": "keepalive"}))).await;
    assert_eq!(reply["error"]["code"], 458);
    new.post_message(json!({"request": "hangup"}), None).await;
    assert!(matches!(harness.leg_message().await.body, Body::Request(request) if request.leg == leg));
}

#[tokio::test]
async fn concurrent_claims_have_one_winner() {
    let mut harness = Harness::start(&[]).await;
    let (alice, received, leg) = harness.ringing().await;
    let mut claimers = Vec::new();
    for _ in 0..8 {
        claimers.push(Client::connect(&harness.url).await);
    }
    let claim = json!({"janus": "claim", "session_id": alice.session()});
    for claimer in &mut claimers {
        claimer.post(claim.clone()).await;
    }
    for claimer in &mut claimers {
        claimer.expect("a reply", |it| matches!(it["janus"].as_str(), Some("success" | "error"))).await;
    }
    harness.send(&received.request, Some(leg.call), None, "update").await;
    let has_received =
        |it: &&mut Client| it.inbox().any(|message| testkit::message::event(message) == "update");
    eventually("one of them receives an event", async || {
        for claimer in &mut claimers {
            claimer.ping().await;
        }
        claimers.iter_mut().filter(has_received).count() == 1
    })
    .await;
}

#[tokio::test]
async fn claim_of_an_unknown_session_is_refused() {
    let harness = Harness::start(&[]).await;
    let mut mallory = Client::connect(&harness.url).await;
    let reply: Value = mallory.request(json!({"janus": "claim", "session_id": 12345})).await;
    assert_eq!(reply["error"], json!({"code": 458, "reason": "No such session 12345"}));
}

#[tokio::test]
async fn displaced_handle_of_a_disconnected_client_hangs_up() {
    let mut harness = Harness::start(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    alice.drop_socket();
    harness.wait_for_disconnect(&received, leg).await;
    alice.reconnect(&harness.url).await;
    alice.expect_event("unregistered").await;
}
