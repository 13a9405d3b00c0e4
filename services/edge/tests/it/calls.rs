//! From a client's request to the bus, and from the bus to the client.

use crate::bench::{Bench, joined};
use bus::message::{Body, Change};
use common::{BackendName, CallId};
use edge::load_shed;
use protocol::Side;
use serde_json::json;
use testkit::{Client, sdp};

#[tokio::test]
async fn a_request_travels_as_its_client_wrote_it() {
    let mut bench = Bench::start(&[]).await;
    let mut alice = Client::attached(&bench.url).await;
    let body = json!({"request": "ReGister", "username": "älice", "more": [1, 2.50]});
    let transaction = alice.post_message(body.clone(), None).await;
    let asked = bench.request("register").await;
    assert_eq!(asked.asks.body.get(), body.to_string());
    assert_eq!(asked.asks.transaction, transaction);
    assert_eq!((asked.asks.from.session.0, asked.asks.from.handle.0), (alice.session(), alice.handle()));
}

#[tokio::test]
async fn a_call_says_where_its_edge_stands() {
    for (options, location, isp) in [
        (&["--location", "berlin", "--isp", "x"][..], "berlin", "x"),
        (&["--location", "rome"], "rome", ""),
        (&[], "", ""),
    ] {
        let mut bench = Bench::start(options).await;
        let mut alice = Client::attached(&bench.url).await;
        alice.post_message(json!({"request": "call", "username": "bob"}), Some(sdp::offer())).await;
        let site = bench.request("call").await.asks.location;
        assert_eq!((site.location.as_str(), site.isp.as_str()), (location, isp));
    }
}

#[tokio::test]
async fn in_a_call_candidates_and_requests_go_to_its_backend() {
    let mut bench = Bench::start(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    alice.trickle(sdp::candidate(1)).await;
    alice.trickle_all(vec![sdp::candidate(2), sdp::end_of_candidates()]).await;
    let Body::Trickle(trickle) = bench.on_leg().await.body else { panic!("candidates travel") };
    assert_eq!((trickle.leg, trickle.candidates.len()), (leg, 3));
    let transaction = alice.post_message(json!({"request": "hangup", "reason": "bye"}), None).await;
    let Body::Request(request) = bench.on_leg().await.body else { panic!("the hangup travels") };
    assert_eq!((request.leg, request.transaction), (leg, Some(transaction)));
    bench.tell(&asked.asks, Some(leg.call), Some(Change::Left), "hangup").await;
    alice.expect_hangup().await;
    assert_eq!(alice.expect_hangup().await["reason"], "Explicit hangup");
}

#[tokio::test]
async fn a_backend_that_nobody_serves_is_an_error_at_once() {
    let mut bench = Bench::start(&[]).await;
    let mut alice = bench.alice().await;
    alice.post_message(json!({"request": "list"}), None).await;
    let asked = bench.request("list").await;
    let nowhere = Change::Joined { backend: BackendName::from("gone"), side: Side::Callee };
    bench.tell(&asked.asks, Some(CallId::fresh()), Some(nowhere), "incomingcall").await;
    alice.expect_event("incomingcall").await;
    bench.answer(&asked, None, None, "listed").await;
    alice.expect_event("listed").await;
    assert_eq!(alice.request_plugin(json!({"request": "set"}), None).await["error_code"], 499);
    let accept = json!({"janus": "message", "body": {"request": "accept"}, "jsep": sdp::answer()});
    let reply = alice.request(alice.on_handle(accept)).await;
    assert_eq!((&reply["janus"], &reply["error"]["code"]), (&json!("error"), &json!(490)));
}

#[tokio::test]
async fn for_a_moment_after_a_router_found_too_many_calls_the_edge_refuses_them_itself() {
    let mut bench = Bench::start(&[]).await;
    let (mut alice, mut carol) = (bench.alice().await, Client::attached(&bench.url).await);
    let call = json!({"request": "call", "username": "bob"});
    let transaction = alice.post_message(call.clone(), Some(sdp::offer())).await;
    let asked = bench.request("call").await;
    bench.refuse_as_crowded(&asked).await;
    let refusal = alice.expect("a refusal", |it| testkit::message::is_event_for(it, &transaction)).await;
    assert_eq!(testkit::message::data(&refusal)["error_code"], 503);
    let message = json!({"janus": "message", "body": call, "jsep": sdp::offer()});
    let reply = carol.request(carol.on_handle(message)).await;
    assert_eq!((&reply["janus"], &reply["error"]["code"]), (&json!("error"), &json!(490)));
    carol.post_message(json!({"request": "list"}), None).await;
    bench.request("list").await;
    tokio::time::sleep(load_shed::SHED_DURATION).await;
    alice.post_message(call, Some(sdp::offer())).await;
    bench.request("call").await;
}

#[tokio::test]
async fn a_call_for_a_session_that_is_over_is_hung_up() {
    let mut bench = Bench::start(&[]).await;
    let mut alice = bench.alice().await;
    alice.post_message(json!({"request": "list"}), None).await;
    let asked = bench.request("list").await;
    alice.destroy().await;
    assert_eq!(bench.message().await.body.kind(), "release");
    let call = CallId::fresh();
    bench.tell(&asked.asks, Some(call), Some(joined(Side::Callee)), "incomingcall").await;
    let Body::Hangup(leg) = bench.on_leg().await.body else { panic!("it is hung up") };
    assert_eq!((leg.call, leg.side), (call, Side::Callee));
}

#[tokio::test]
async fn a_name_for_a_session_that_is_over_is_released() {
    let mut bench = Bench::start(&[]).await;
    let mut alice = bench.alice().await;
    alice.post_message(json!({"request": "list"}), None).await;
    let asked = bench.request("list").await;
    alice.destroy().await;
    assert_eq!(bench.message().await.body.kind(), "release");
    bench.tell(&asked.asks, None, Some(Change::Registered("alice".to_owned())), "registered").await;
    assert_eq!(bench.message().await.body.kind(), "release");
}
