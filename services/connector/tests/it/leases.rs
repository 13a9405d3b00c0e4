//! Which connector serves which Janus.

use crate::harness::Bench;
use common::ServiceId;
use testkit::{FakeJanus, eventually};

const STOPPED: &str = "The media server is being taken out of service";

fn left(peer: &str, reason: &str) -> String {
    format!("left: hangup({peer}, {reason}), core hangup({reason})")
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
async fn a_connector_without_a_successor_ends_its_calls_and_leaves_nothing() {
    let janus = FakeJanus::start().await;
    let mut bench = Bench::new().await;
    let connector = bench.last_connector(&[("a", &janus)]);
    bench.is_ready("a").await;
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
