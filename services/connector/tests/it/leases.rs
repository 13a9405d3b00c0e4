//! Which connector serves which Janus.

use crate::bench::Bench;
use directory::record::BackendStatus;
use protocol::{CallId, ServiceId};
use std::time::Duration;
use testkit::{FakeJanus, eventually};

const LOST: &str = "The connection to the media server was lost";
const STOPPED: &str = "The media server is being taken out of service";

fn left(peer: &str, reason: &str) -> String {
    format!("left: hangup({peer}, {reason}), core hangup({reason})")
}

/// A call is ended by the connector that serves its Janus next, and that one takes calls.
async fn is_followed(bench: &mut Bench, janus: &FakeJanus, call: CallId) {
    janus.refuse_sessions(true);
    assert_eq!(bench.edge.alice(call).await, left("bob", LOST));
    assert_eq!(bench.edge.bob(call).await, left("alice", LOST));
    bench.has_status("a", Some(BackendStatus::Abnormal)).await;
    janus.refuse_sessions(false);
    bench.is_ready("a").await;
    bench.talking().await;
}

#[tokio::test]
async fn two_connectors_share_two_servers() {
    let (one, two) = (FakeJanus::start().await, FakeJanus::start().await);
    let bench = Bench::new().await;
    let servers = [("a", &one), ("b", &two)];
    let connectors = [bench.connector(&servers), bench.connector(&servers)];
    bench.is_ready("a").await;
    bench.is_ready("b").await;
    let mut leads = Vec::new();
    for backend in ["a", "b"] {
        leads.push(bench.is_led_by(backend, &connectors[0].id).await);
    }
    assert_ne!(leads[0], leads[1], "each has one");
    assert_eq!((one.sessions(), two.sessions()), (1, 1));
}

#[tokio::test]
async fn a_connector_with_many_servers_serves_them_soon() {
    let mut servers = Vec::new();
    for _ in 0..16 {
        servers.push(FakeJanus::start().await);
    }
    let names: Vec<String> = (0..16).map(|number| format!("b{number}")).collect();
    let bench = Bench::new().await;
    let named: Vec<_> = names.iter().map(String::as_str).zip(&servers).collect();
    let _connector = bench.connector(&named);
    eventually("all of them are served", async || {
        bench.directory.backends().await.unwrap().iter().filter(|it| it.status.number() == 0).count() == 16
    })
    .await;
}

#[tokio::test]
async fn a_connector_that_is_killed_is_followed_by_another_which_ends_its_calls() {
    let janus = FakeJanus::start().await;
    let (mut bench, first) = Bench::serving(&janus).await;
    let second = bench.connector(&[("a", &janus)]);
    let call = bench.talking().await;
    first.dies();
    is_followed(&mut bench, &janus, call).await;
    assert!(bench.is_led_by("a", &second.id).await);
}

#[tokio::test]
async fn a_connector_that_loses_its_lease_leaves_janus_to_the_one_that_has_it() {
    let janus = FakeJanus::start().await;
    let (mut bench, connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    let (lease, thief) = ("backend:a", ServiceId::from("thief"));
    bench.directory.release_lease(lease, &connector.id).await.unwrap();
    bench.directory.lease(lease, &thief, Duration::from_secs(60)).await.unwrap().unwrap();
    bench.is_unread("a").await;
    bench.directory.release_lease(lease, &thief).await.unwrap();
    is_followed(&mut bench, &janus, call).await;
}

#[tokio::test]
async fn a_connector_that_stops_ends_its_calls_and_leaves_nothing() {
    let janus = FakeJanus::start().await;
    let (mut bench, connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    let id = connector.id.clone();
    connector.stops().await;
    assert_eq!(bench.edge.alice(call).await, left("bob", STOPPED));
    assert_eq!(bench.edge.bob(call).await, left("alice", STOPPED));
    assert_eq!((janus.sessions(), janus.handles()), (0, 0));
    assert_eq!(bench.calls().await, [None; 2]);
    bench.has_status("a", None).await;
    assert!(bench.is_led_by("a", &ServiceId::from("next")).await, "{id} gave its lease back");
}

#[tokio::test]
async fn a_call_that_was_placed_while_nobody_served_its_janus_is_over_for_both() {
    let janus = FakeJanus::start().await;
    let (mut bench, first) = Bench::serving(&janus).await;
    first.stops().await;
    let call = bench.place().await;
    let _second = bench.connector(&[("a", &janus)]);
    assert_eq!(bench.edge.alice(call).await, left("bob", LOST));
    assert_eq!(bench.edge.bob(call).await, left("alice", LOST));
    let answer = bench.edge.alice(call).await;
    assert_eq!(answer, "left: c/hangup(bob, Remote WebRTC hangup), core hangup(Close PC)");
    bench.is_ready("a").await;
    bench.talking().await;
}
