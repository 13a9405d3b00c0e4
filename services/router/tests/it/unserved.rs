//! A backend that no connector serves any more.

use crate::harness::{Cluster, backend, call, call_id, message};
use bus::message::{Body, Change};
use bus::topic::Log;
use directory::record::{Backend, BackendStatus};
use std::time::Duration;
use tokio::time::sleep;

async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

/// Returns a cluster in which alice has called bob.
async fn begin() -> Cluster {
    let mut cluster = Cluster::with_users().await;
    cluster.process(&message(100, call(0, "bob"))).await;
    cluster.drain_mailboxes().await;
    cluster
}

#[tokio::test(start_paused = true)]
async fn calls_of_an_unserved_backend_end_after_a_minute() {
    let mut cluster = begin().await;
    let _routers = (cluster.router(), cluster.router());
    pass(12).await;
    cluster.directory.remove_backend(&backend()).await.unwrap();
    pass(57).await;
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_some());
    assert_eq!(cluster.at_edge().await.len(), 0);
    pass(5).await;
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_none());
    let received = cluster.at_edge().await;
    let left = |message: &bus::message::Message| match &message.body {
        Body::Events(events) => events.change == Some(Change::Left) && events.call == Some(call_id(100)),
        _ => false,
    };
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(left), "{received:?}");
    assert_eq!(cluster.bus.tail(Log::Calls, 10).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn new_router_knows_the_calls_of_an_unserved_backend() {
    let cluster = begin().await;
    cluster.directory.remove_backend(&backend()).await.unwrap();
    let _router = cluster.router();
    pass(57).await;
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_some());
    pass(8).await;
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn backend_served_again_keeps_its_calls() {
    let cluster = begin().await;
    let _router = cluster.router();
    pass(12).await;
    cluster.directory.remove_backend(&backend()).await.unwrap();
    pass(50).await;
    let abnormal = BackendStatus::Abnormal;
    let record = Backend {
        name: backend(),
        url: String::new(),
        status: abnormal,
        handles: 2,
        location: String::new(),
        isp: String::new(),
        probe_ms: None,
        health: Default::default(),
    };
    cluster.directory.announce_backend(&record, Duration::from_secs(600)).await.unwrap();
    pass(100).await;
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_some());
}
