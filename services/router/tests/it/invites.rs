//! A peer's user calls one of ours. The rest service and the connector are the test.

use crate::bench::{Cluster, address, backend, call, call_id, handle, invite, message, release, rest};
use bus::message::{Body, Deadline, End, EndCause, Message, ProxyReply, ProxySide};
use bus::topic::Mailbox;
use common::BackendName;
use directory::record::{BackendStatus, FencingToken};

fn refusal(messages: &[Message]) -> (u16, String) {
    let [Message { body: Body::ProxyReply(ProxyReply { call, refusal: Some(refusal) }), .. }] = messages
    else {
        panic!("{messages:?}")
    };
    assert_eq!(*call, call_id(100));
    (refusal.code, refusal.text.clone())
}

async fn in_call(cluster: &Cluster, who: usize) -> bool {
    cluster.directory.handle(handle(who)).await.unwrap().unwrap().call.is_some()
}

#[tokio::test(start_paused = true)]
async fn the_callee_is_placed_on_the_janus_that_the_peer_has_chosen() {
    let mut cluster = Cluster::populated().await;
    cluster.announce("b", BackendStatus::Normal).await;
    let request =
        Message { deadline: Some(Deadline(u64::MAX)), ..message(100, invite("dave", "bob", "WS://A:80/")) };
    cluster.ask(&request).await;
    let placed = cluster.at_backend().await;
    let [Message { body: Body::Place(place), deadline, .. }] = &placed[..] else { panic!("{placed:?}") };
    assert_eq!((place.call, *deadline), (call_id(100), request.deadline));
    assert_eq!((place.caller.username.as_str(), &place.caller.address), ("dave", &None));
    assert_eq!((place.callee.username.as_str(), &place.callee.address), ("bob", &Some(address(1))));
    assert!(place.transaction.is_empty() && place.offer.is_none());
    assert_eq!(place.proxy_side, Some(ProxySide::Caller(rest())));
    assert_eq!(cluster.at_rest().await.len(), 0, "its connector answers");
    assert_eq!(cluster.at_edge().await.len(), 0, "the callee hears of it from Janus");
    let call = cluster.directory.call(call_id(100)).await.unwrap().unwrap();
    assert_eq!((call.backend, call.caller.owner), (backend(), None));
    assert!(in_call(&cluster, 1).await);
    cluster.directory.release_call(call_id(100)).await.unwrap();
    assert!(!in_call(&cluster, 1).await);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_janus_clouds_and_leave_nothing() {
    let mut cluster = Cluster::populated().await;
    cluster.announce("bad", BackendStatus::Abnormal).await;
    cluster.announce("unread", BackendStatus::Normal).await;
    cluster.ask(&message(99, call(0, "carol"))).await;
    cluster.quietly().await;
    let before = cluster.state(&[call_id(100)]).await;
    for (callee, url, code, text) in [
        ("erin", "ws://a", 478, "Username 'erin' doesn't exist"),
        ("erin", "ws://b", 478, "Username 'erin' doesn't exist"),
        ("carol", "ws://b", 480, "User carol busy"),
        ("bob", "ws://b", 502, "No such backend server"),
        ("bob", "ws://bad", 502, "No such backend server"),
        ("bob", "ws://unread", 502, "No such backend server"),
        ("bob", "http://a", 502, "No such backend server"),
        ("bob", "", 502, "No such backend server"),
    ] {
        cluster.ask(&message(100, invite("dave", callee, url))).await;
        assert_eq!(refusal(&cluster.at_rest().await), (code, text.to_owned()), "{callee} {url}");
        assert_eq!(cluster.state(&[call_id(100)]).await, before, "{callee} {url}");
        assert_eq!((cluster.at_backend().await.len(), cluster.at_edge().await.len()), (0, 0));
    }
    let unread = [BackendName::from("unread")];
    assert_eq!(cluster.directory.count_calls(&unread).await.unwrap(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_drained_backend_takes_no_invites() {
    let mut cluster = Cluster::populated().await;
    cluster.directory.drain_backend(&backend()).await.unwrap();
    cluster.ask(&message(100, invite("dave", "bob", "ws://a"))).await;
    assert_eq!(refusal(&cluster.at_rest().await).0, 502);
}

#[tokio::test(start_paused = true)]
async fn an_invite_that_comes_again_finds_its_call_though_the_backend_is_drained_by_now() {
    let mut cluster = Cluster::populated().await;
    cluster.ask(&message(100, invite("dave", "bob", "ws://a"))).await;
    cluster.directory.drain_backend(&backend()).await.unwrap();
    cluster.ask(&message(100, invite("dave", "bob", "ws://a"))).await;
    assert_eq!(cluster.at_backend().await.len(), 2, "whoever has it already says so again");
    assert_eq!(cluster.at_rest().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rest_service_that_is_gone_hears_nothing() {
    let cluster = Cluster::populated().await;
    cluster.bus.close(&Mailbox::Rest(rest())).await.unwrap();
    cluster.ask(&message(100, invite("dave", "erin", "ws://a"))).await;
    assert_eq!(cluster.unfinished().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_an_invite_has_begun_that_is_late_is_undone_unless_a_connector_has_it() {
    let mut cluster = Cluster::populated().await;
    let late = Message { deadline: Some(Deadline(1)), ..message(100, invite("dave", "bob", "ws://a")) };
    cluster.ask(&message(100, invite("dave", "bob", "ws://a"))).await;
    cluster.ask(&late).await;
    assert!(!in_call(&cluster, 1).await);
    assert_eq!(cluster.directory.call(call_id(100)).await.unwrap(), None);
    cluster.ask(&message(100, invite("dave", "bob", "ws://a"))).await;
    let saved =
        cluster.directory.save_calls(FencingToken(7), &[(call_id(100), String::new())]).await.unwrap();
    assert_eq!(saved, [true]);
    cluster.ask(&late).await;
    assert!(in_call(&cluster, 1).await);
    assert_eq!(cluster.at_rest().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_goes_ends_the_call() {
    let mut cluster = Cluster::populated().await;
    cluster.ask(&message(100, invite("dave", "bob", "ws://a"))).await;
    cluster.quietly().await;
    cluster.ask(&message(101, release(1))).await;
    let told = cluster.at_backend().await;
    let [Message { body: Body::End(End { call, cause }), .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((*call, cause), (call_id(100), &EndCause::CalleeGone));
}
