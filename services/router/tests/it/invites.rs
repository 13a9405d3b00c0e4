//! Invites: a user of a janus-cloud proxy calls one of ours.

use crate::harness::{Cluster, address, backend, call, call_id, handle, invite, message, release, rest};
use bus::message::{Body, Deadline, End, EndCause, Message, ProxyReply, ProxySide};
use bus::topic::Mailbox;
use common::BackendName;
use directory::record::{BackendStatus, FencingToken};
use std::time::Duration;

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
async fn callee_is_placed_on_the_janus_the_proxy_chose() {
    let mut cluster = Cluster::with_users().await;
    cluster.add_backend("b", BackendStatus::Normal).await;
    let request = Message {
        deadline: Some(Deadline::after(Duration::from_secs(60))),
        ..message(100, invite("dave", "bob", "WS://A:80/"))
    };
    cluster.process(&request).await;
    let placed = cluster.at_backend().await;
    let [Message { body: Body::Place(place), deadline, .. }] = &placed[..] else { panic!("{placed:?}") };
    assert_eq!(place.call, call_id(100));
    assert!(deadline.unwrap().remaining() > Duration::from_secs(50), "{deadline:?}");
    assert_eq!((place.caller.username.as_str(), &place.caller.address), ("dave", &None));
    assert_eq!((place.callee.username.as_str(), &place.callee.address), ("bob", &Some(address(1))));
    assert!(place.transaction.is_empty() && place.offer.is_none());
    assert_eq!(place.proxy_side, Some(ProxySide::Caller(rest())));
    assert_eq!(cluster.at_rest().await.len(), 0, "the connector replies");
    assert_eq!(cluster.at_edge().await.len(), 0, "Janus notifies the callee");
    let call = cluster.directory.call(call_id(100)).await.unwrap().unwrap();
    assert_eq!((call.backend, call.caller.owner), (backend(), None));
    assert!(in_call(&cluster, 1).await);
    cluster.directory.release_call(call_id(100)).await.unwrap();
    assert!(!in_call(&cluster, 1).await);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_those_of_janus_cloud() {
    let mut cluster = Cluster::with_users().await;
    cluster.add_backend("bad", BackendStatus::Abnormal).await;
    cluster.add_backend("unread", BackendStatus::Normal).await;
    cluster.process(&message(99, call(0, "carol"))).await;
    cluster.drain_mailboxes().await;
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
        cluster.process(&message(100, invite("dave", callee, url))).await;
        assert_eq!(refusal(&cluster.at_rest().await), (code, text.to_owned()), "{callee} {url}");
        assert_eq!(cluster.state(&[call_id(100)]).await, before, "{callee} {url}");
        assert_eq!((cluster.at_backend().await.len(), cluster.at_edge().await.len()), (0, 0));
    }
    let unread = [BackendName::from("unread")];
    assert_eq!(cluster.directory.count_calls(&unread).await.unwrap(), [0]);
}

#[tokio::test(start_paused = true)]
async fn drained_backend_takes_no_invites() {
    let mut cluster = Cluster::with_users().await;
    cluster.directory.drain_backend(&backend()).await.unwrap();
    cluster.process(&message(100, invite("dave", "bob", "ws://a"))).await;
    assert_eq!(refusal(&cluster.at_rest().await).0, 502);
}

#[tokio::test(start_paused = true)]
async fn redelivered_invite_finds_its_call_on_a_drained_backend() {
    let mut cluster = Cluster::with_users().await;
    cluster.process(&message(100, invite("dave", "bob", "ws://a"))).await;
    cluster.directory.drain_backend(&backend()).await.unwrap();
    cluster.process(&message(100, invite("dave", "bob", "ws://a"))).await;
    assert_eq!(cluster.at_backend().await.len(), 2, "the connector replies to each");
    assert_eq!(cluster.at_rest().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn invite_of_a_stopped_rest_service_is_acknowledged() {
    let cluster = Cluster::with_users().await;
    cluster.bus.close(&Mailbox::Rest(rest())).await.unwrap();
    cluster.process(&message(100, invite("dave", "erin", "ws://a"))).await;
    assert_eq!(cluster.unfinished().await, 0);
}

#[tokio::test(start_paused = true)]
async fn expired_invite_is_undone_unless_it_is_placed() {
    let mut cluster = Cluster::with_users().await;
    let expired = Message {
        deadline: Some(Deadline::after(Duration::ZERO)),
        ..message(100, invite("dave", "bob", "ws://a"))
    };
    cluster.process(&message(100, invite("dave", "bob", "ws://a"))).await;
    cluster.process(&expired).await;
    assert!(!in_call(&cluster, 1).await);
    assert_eq!(cluster.directory.call(call_id(100)).await.unwrap(), None);
    cluster.process(&message(100, invite("dave", "bob", "ws://a"))).await;
    let saved =
        cluster.directory.save_calls(FencingToken(7), &[(call_id(100), String::new())]).await.unwrap();
    assert_eq!(saved, [true]);
    cluster.process(&expired).await;
    assert!(in_call(&cluster, 1).await);
    assert_eq!(cluster.at_rest().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn release_of_the_callee_ends_the_call() {
    let mut cluster = Cluster::with_users().await;
    cluster.process(&message(100, invite("dave", "bob", "ws://a"))).await;
    cluster.drain_mailboxes().await;
    cluster.process(&message(101, release(1))).await;
    let received = cluster.at_backend().await;
    let [Message { body: Body::End(End { call, cause }), .. }] = &received[..] else {
        panic!("{received:?}")
    };
    assert_eq!((*call, cause), (call_id(100), &EndCause::CalleeGone));
}
