//! How connectors share the leases on servers.

use crate::harness::Harness;
use common::ServiceId;
use testkit::{FakeJanus, eventually};

const STOPPED: &str = "The media server is being taken out of service";

fn left(peer: &str, reason: &str) -> String {
    format!("left: hangup({peer}, {reason}), core hangup({reason})")
}

#[tokio::test]
async fn two_connectors_share_two_servers() {
    let (one, two) = (FakeJanus::start().await, FakeJanus::start().await);
    let harness = Harness::new().await;
    let servers = [("a", &one), ("b", &two)];
    let connectors = [harness.connector(&servers), harness.connector(&servers)];
    harness.wait_ready("a").await;
    harness.wait_ready("b").await;
    let mut leases_of_first = Vec::new();
    for backend in ["a", "b"] {
        leases_of_first.push(harness.acquires_lease(backend, &connectors[0].id).await);
    }
    assert_ne!(leases_of_first[0], leases_of_first[1], "each connector has one");
    assert_eq!((one.sessions(), two.sessions()), (1, 1));
}

#[tokio::test]
async fn many_servers_are_served_soon() {
    let mut servers = Vec::new();
    for _ in 0..16 {
        servers.push(FakeJanus::start().await);
    }
    let names: Vec<String> = (0..16).map(|number| format!("b{number}")).collect();
    let harness = Harness::new().await;
    let named: Vec<_> = names.iter().map(String::as_str).zip(&servers).collect();
    let _connector = harness.connector(&named);
    eventually("all of them are served", async || {
        harness.directory.backends().await.unwrap().iter().filter(|it| it.status.number() == 0).count() == 16
    })
    .await;
}

#[tokio::test]
async fn connector_without_a_successor_ends_its_calls() {
    let janus = FakeJanus::start().await;
    let mut harness = Harness::new().await;
    let connector = harness.last_connector(&[("a", &janus)]);
    harness.wait_ready("a").await;
    let call = harness.talking().await;
    let id = connector.id.clone();
    connector.stop().await;
    assert_eq!(harness.edge.alice(call).await, left("bob", STOPPED));
    assert_eq!(harness.edge.bob(call).await, left("alice", STOPPED));
    assert_eq!((janus.sessions(), janus.handles()), (0, 0));
    assert_eq!(harness.calls().await, [None; 2]);
    harness.wait_status("a", None).await;
    assert!(harness.acquires_lease("a", &ServiceId::from("next")).await, "{id} released its lease");
}
