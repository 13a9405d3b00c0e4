//! Calls that are refused, each for its reason (janus-api.md 5.1, 5.3).

use super::call::connect;
use crate::fixture::{Switchboard, on_both_buses};
use serde_json::{Value, json};
use testkit::{Client, Janus, Process, Service, sdp};

on_both_buses!(
    a_caller_without_a_name_is_refused,
    call_to_unknown_user_or_oneself_is_refused,
    busy_callee_is_reported_as_hangup,
    second_call_of_a_caller_is_refused,
    a_call_needs_an_offer,
    a_bad_offer_is_refused_with_janus_words,
    accept_needs_a_call_and_an_answer,
    a_declined_call_ends_on_both_sides,
    a_cancelled_call_ends_on_both_sides,
);

fn refusal(answer: &Value) -> (u64, &str) {
    (answer["error_code"].as_u64().unwrap_or(0), answer["error"].as_str().unwrap_or(""))
}

async fn a_caller_without_a_name_is_refused(switchboard: Switchboard) {
    let _bob = Client::registered(&switchboard.edge_url(1), "bob").await;
    let mut alice = Client::attached(&switchboard.edge_url(0)).await;
    assert_eq!(refusal(&alice.try_call("bob").await), (473, "Register a username first"));
    assert_eq!(alice.expect_core("hangup").await["reason"], "Close PC");
}

async fn call_to_unknown_user_or_oneself_is_refused(switchboard: Switchboard) {
    let (mut alice, _bob) = switchboard.alice_and_bob().await;
    assert_eq!(refusal(&alice.try_call("carol").await), (478, "Username 'carol' doesn't exist"));
    alice.expect_core("hangup").await;
    let self_call = (479, "You can't call yourself... use the EchoTest for that");
    assert_eq!(refusal(&alice.try_call("alice").await), self_call);
    let again = alice.request_plugin(json!({"request": "register", "username": "other"}), None).await;
    assert_eq!(refusal(&again), (477, "Already registered (alice)"));
}

async fn busy_callee_is_reported_as_hangup(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let mut carol = Client::registered(&switchboard.edge_url(0), "carol").await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    for busy in ["alice", "bob"] {
        let answer = carol.try_call(busy).await;
        let expected = json!({"event": "hangup", "username": "carol", "reason": "User busy"});
        assert_eq!(answer["result"], expected);
        assert_eq!(carol.expect_core("hangup").await["reason"], "Close PC");
    }
    let without_offer = carol.request_plugin(json!({"request": "call", "username": "bob"}), None).await;
    assert_eq!(without_offer["result"]["reason"], "User busy");
    bob.expect_no("hangup").await;
    bob.accept().await;
    alice.expect_event("accepted").await;
    assert_eq!(carol.try_call("bob").await["result"]["reason"], "User busy");
}

async fn second_call_of_a_caller_is_refused(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let _carol = Client::registered(&switchboard.edge_url(1), "carol").await;
    connect(&mut alice, &mut bob).await;
    assert_eq!(refusal(&alice.try_call("carol").await), (480, "Already in a call"));
    alice.expect_no("hangup").await;
    bob.expect_no("hangup").await;
    bob.set(json!({"audio": true})).await;
    bob.hangup().await;
    alice.expect_core("hangup").await;
}

async fn a_call_needs_an_offer(switchboard: Switchboard) {
    let (mut alice, _bob) = switchboard.alice_and_bob().await;
    let without = alice.request_plugin(json!({"request": "call", "username": "bob"}), None).await;
    assert_eq!(refusal(&without), (482, "Missing SDP"));
    let without_name = alice.request_plugin(json!({"request": "call"}), None).await;
    assert_eq!(refusal(&without_name), (475, "Missing mandatory element (username)"));
    alice.call("bob").await;
}

async fn a_bad_offer_is_refused_with_janus_words(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let call = json!({"request": "call", "username": "bob"});
    let answer = alice.on_handle(json!({"janus": "message", "body": call, "jsep": sdp::answer()}));
    assert_eq!(alice.request(answer).await["error"]["code"], 469);
    let mut broken = sdp::offer();
    broken["sdp"] = json!("v=0\r\no=x\r\ns=-\r\nm=audio\r\n");
    let offer = alice.on_handle(json!({"janus": "message", "body": call, "jsep": broken}));
    assert_eq!(alice.request(offer).await["error"]["code"], 465);
    bob.expect_no("incomingcall").await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
}

async fn accept_needs_a_call_and_an_answer(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    let accept = json!({"request": "accept"});
    assert_eq!(refusal(&bob.request_plugin(accept.clone(), None).await), (481, "No incoming call to accept"));
    let with_answer = bob.on_handle(json!({"janus": "message", "body": accept, "jsep": sdp::answer()}));
    assert_eq!(bob.request(with_answer).await["error"]["code"], 469);
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    assert_eq!(refusal(&bob.request_plugin(accept, None).await), (482, "Missing SDP"));
    bob.accept().await;
    alice.expect_event("accepted").await;
}

async fn a_declined_call_ends_on_both_sides(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    alice.call("bob").await;
    bob.expect_event("incomingcall").await;
    bob.decline().await;
    alice.expect_result(json!({"event": "hangup", "username": "bob", "reason": "We did the hangup"})).await;
    alice.expect_core("hangup").await;
    bob.expect_core("hangup").await;
    alice.destroy().await;
    bob.destroy().await;
    switchboard.expect_clean().await;
}

async fn a_cancelled_call_ends_on_both_sides(switchboard: Switchboard) {
    let (mut alice, mut bob) = switchboard.alice_and_bob().await;
    alice.call("bob").await;
    alice.hangup_with_reason("changed my mind").await;
    bob.expect_event("incomingcall").await;
    bob.expect_result(json!({"event": "hangup", "username": "alice", "reason": "changed my mind"})).await;
    bob.expect_core("hangup").await;
    alice.expect_core("hangup").await;
    alice.destroy().await;
    bob.destroy().await;
    switchboard.expect_clean().await;
}

#[tokio::test]
async fn call_without_media_server_leaves_both_users_free() {
    let mut janus = Janus::start().await;
    let backend = format!("a={}", janus.url());
    let standalone = Process::start(Service::Standalone, &["--backend", &backend]).await;
    let mut alice = Client::registered(&standalone.url(), "alice").await;
    let mut bob = Client::registered(&standalone.url(), "bob").await;
    janus.kill();
    testkit::eventually("calls are refused for lack of a backend", async || {
        alice.try_call("bob").await["error"] == "No backend server"
    })
    .await;
    janus.restart().await;
    testkit::eventually("Janus is back", async || {
        alice.clear_inbox().await;
        alice.try_call("bob").await["result"]["event"] == "calling"
    })
    .await;
    bob.expect_event("incomingcall").await;
}
