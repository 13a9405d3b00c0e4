//! Requests from a client to the bus, and events from the bus to the client.

use crate::harness::{Harness, joined};
use bus::message::{Body, Change};
use common::{BackendName, CallId};
use edge::SHED_DURATION;
use protocol::Side;
use serde_json::json;
use testkit::{Client, sdp};

#[tokio::test]
async fn request_body_is_forwarded_unchanged() {
    let mut harness = Harness::start(&[]).await;
    let mut alice = Client::attached(&harness.url).await;
    let body = json!({"request": "ReGister", "username": "älice", "more": [1, 2.50]});
    let transaction = alice.post_message(body.clone(), None).await;
    let received = harness.request("register").await;
    assert_eq!(received.request.body.get(), body.to_string());
    assert_eq!(received.request.transaction, transaction);
    assert_eq!(
        (received.request.from.session.0, received.request.from.handle.0),
        (alice.session(), alice.handle())
    );
}

#[tokio::test]
async fn call_carries_the_location_of_its_edge() {
    for (options, name, isp) in [
        (&["--location", "berlin", "--isp", "x"][..], "berlin", "x"),
        (&["--location", "rome"], "rome", ""),
        (&[], "", ""),
    ] {
        let mut harness = Harness::start(options).await;
        let mut alice = Client::attached(&harness.url).await;
        alice.post_message(json!({"request": "call", "username": "bob"}), Some(sdp::offer())).await;
        let location = harness.request("call").await.request.location;
        assert_eq!((location.location.as_str(), location.isp.as_str()), (name, isp));
    }
}

#[tokio::test]
async fn candidates_and_requests_in_a_call_go_to_its_backend() {
    let mut harness = Harness::start(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    alice.trickle(sdp::candidate(1)).await;
    alice.trickle_all(vec![sdp::candidate(2), sdp::end_of_candidates()]).await;
    let Body::Trickle(trickle) = harness.leg_message().await.body else { panic!("expected candidates") };
    assert_eq!((trickle.leg, trickle.candidates.len()), (leg, 3));
    let transaction = alice.post_message(json!({"request": "hangup", "reason": "bye"}), None).await;
    let Body::Request(request) = harness.leg_message().await.body else { panic!("expected the hangup") };
    assert_eq!((request.leg, request.transaction), (leg, Some(transaction)));
    harness.send(&received.request, Some(leg.call), Some(Change::Left), "hangup").await;
    alice.expect_hangup().await;
    assert_eq!(alice.expect_hangup().await["reason"], "Explicit hangup");
}

#[tokio::test]
async fn unserved_backend_is_an_immediate_error() {
    let mut harness = Harness::start(&[]).await;
    let mut alice = harness.alice().await;
    alice.post_message(json!({"request": "list"}), None).await;
    let received = harness.request("list").await;
    let nowhere = Change::Joined { backend: BackendName::from("gone"), side: Side::Callee };
    harness.send(&received.request, Some(CallId::fresh()), Some(nowhere), "incomingcall").await;
    alice.expect_event("incomingcall").await;
    harness.reply(&received, None, None, "listed").await;
    alice.expect_event("listed").await;
    assert_eq!(alice.request_plugin(json!({"request": "set"}), None).await["error_code"], 499);
    let accept = json!({"janus": "message", "body": {"request": "accept"}, "jsep": sdp::answer()});
    let reply = alice.request(alice.on_handle(accept)).await;
    assert_eq!((&reply["janus"], &reply["error"]["code"]), (&json!("error"), &json!(490)));
}

#[tokio::test]
async fn edge_sheds_calls_after_a_router_reports_overload() {
    let mut harness = Harness::start(&[]).await;
    let (mut alice, mut carol) = (harness.alice().await, Client::attached(&harness.url).await);
    let call = json!({"request": "call", "username": "bob"});
    let transaction = alice.post_message(call.clone(), Some(sdp::offer())).await;
    let received = harness.request("call").await;
    harness.refuse_overloaded(&received).await;
    let refusal = alice.expect("a refusal", |it| testkit::message::is_event_for(it, &transaction)).await;
    assert_eq!(testkit::message::data(&refusal)["error_code"], 503);
    let message = json!({"janus": "message", "body": call, "jsep": sdp::offer()});
    let reply = carol.request(carol.on_handle(message)).await;
    assert_eq!((&reply["janus"], &reply["error"]["code"]), (&json!("error"), &json!(490)));
    carol.post_message(json!({"request": "list"}), None).await;
    harness.request("list").await;
    tokio::time::sleep(SHED_DURATION).await;
    alice.post_message(call, Some(sdp::offer())).await;
    harness.request("call").await;
}

#[tokio::test]
async fn call_for_an_ended_session_is_hung_up() {
    let mut harness = Harness::start(&[]).await;
    let mut alice = harness.alice().await;
    alice.post_message(json!({"request": "list"}), None).await;
    let received = harness.request("list").await;
    alice.destroy().await;
    assert_eq!(harness.message().await.body.kind(), "release");
    let call = CallId::fresh();
    harness.send(&received.request, Some(call), Some(joined(Side::Callee)), "incomingcall").await;
    let Body::Hangup(leg) = harness.leg_message().await.body else { panic!("expected a hangup") };
    assert_eq!((leg.call, leg.side), (call, Side::Callee));
}

#[tokio::test]
async fn name_for_an_ended_session_is_released() {
    let mut harness = Harness::start(&[]).await;
    let mut alice = harness.alice().await;
    alice.post_message(json!({"request": "list"}), None).await;
    let received = harness.request("list").await;
    alice.destroy().await;
    assert_eq!(harness.message().await.body.kind(), "release");
    harness.send(&received.request, None, Some(Change::Registered("alice".to_owned())), "registered").await;
    assert_eq!(harness.message().await.body.kind(), "release");
}
