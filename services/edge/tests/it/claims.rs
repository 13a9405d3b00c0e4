//! A session changes its socket.

use crate::bench::Bench;
use bus::message::Body;
use serde_json::{Value, json};
use testkit::{Client, eventually};

#[tokio::test]
async fn what_came_while_the_socket_was_gone_is_heard_in_order_after_the_claim() {
    let mut bench = Bench::start(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    alice.drop_socket();
    bench.notices_the_drop(&asked, leg).await;
    for event in ["one", "two", "three"] {
        bench.tell(&asked.asks, Some(leg.call), None, event).await;
    }
    alice.reconnect(&bench.url).await;
    bench.tell(&asked.asks, Some(leg.call), None, "four").await;
    alice.expect_event("four").await;
    assert!(
        alice.transcript().events().ends_with(&["one", "two", "three", "four"]),
        "{}",
        alice.transcript()
    );
}

#[tokio::test]
async fn a_session_is_taken_from_a_socket_that_is_still_there() {
    let mut bench = Bench::start(&[]).await;
    let (mut old, asked, leg) = bench.ringing().await;
    let mut new = Client::claim(&bench.url, old.session()).await.with_handle(old.handle());
    bench.tell(&asked.asks, Some(leg.call), None, "update").await;
    new.expect_event("update").await;
    old.expect_no("update").await;
    let reply = old.request(old.on_session(json!({"janus": "keepalive"}))).await;
    assert_eq!(reply["error"]["code"], 458);
    new.post_message(json!({"request": "hangup"}), None).await;
    assert!(matches!(bench.on_leg().await.body, Body::Request(request) if request.leg == leg));
}

#[tokio::test]
async fn of_many_who_claim_at_once_exactly_one_has_the_session_and_its_events() {
    let mut bench = Bench::start(&[]).await;
    let (alice, asked, leg) = bench.ringing().await;
    let mut claimers = Vec::new();
    for _ in 0..8 {
        claimers.push(Client::connect(&bench.url).await);
    }
    let claim = json!({"janus": "claim", "session_id": alice.session()});
    for claimer in &mut claimers {
        claimer.post(claim.clone()).await;
    }
    for claimer in &mut claimers {
        claimer.expect("a reply", |it| matches!(it["janus"].as_str(), Some("success" | "error"))).await;
    }
    bench.tell(&asked.asks, Some(leg.call), None, "update").await;
    let heard = |it: &&mut Client| it.inbox().any(|message| testkit::message::event(message) == "update");
    eventually("one of them hears an event", async || {
        for claimer in &mut claimers {
            claimer.ping().await;
        }
        claimers.iter_mut().filter(heard).count() == 1
    })
    .await;
}

#[tokio::test]
async fn nobody_can_claim_what_does_not_exist() {
    let bench = Bench::start(&[]).await;
    let mut mallory = Client::connect(&bench.url).await;
    let reply: Value = mallory.request(json!({"janus": "claim", "session_id": 12345})).await;
    assert_eq!(reply["error"], json!({"code": 458, "reason": "No such session 12345"}));
}

#[tokio::test]
async fn a_handle_that_loses_its_name_while_its_client_is_away_leaves_its_call() {
    let mut bench = Bench::start(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    alice.drop_socket();
    bench.notices_the_drop(&asked, leg).await;
    alice.reconnect(&bench.url).await;
    alice.expect_event("unregistered").await;
}
