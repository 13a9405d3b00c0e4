//! Shutdown of a router.

use crate::faults::{HungStore, SlowStore};
use crate::harness::{Cluster, call, call_id, message};
use common::fault::FaultInjector;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn requests_in_flight_are_finished() {
    let cluster = Cluster::with_users().await;
    let router = cluster.router_with_faults(&SlowStore::injector(1));
    sleep(Duration::from_secs(1)).await;
    cluster.enqueue(&message(100, call(0, "bob"))).await;
    sleep(Duration::from_millis(5)).await;
    router.stop.cancel();
    sleep(Duration::from_millis(5)).await;
    cluster.enqueue(&message(101, call(2, "bob"))).await;
    router.run.await.unwrap();
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_some());
    assert_eq!(cluster.unfinished().await, 1);
}

#[tokio::test(start_paused = true)]
async fn request_of_a_hung_store_is_left_to_others() {
    let cluster = Cluster::with_users().await;
    let router = cluster.router_with_faults(&FaultInjector::new(Arc::new(HungStore)));
    cluster.enqueue(&message(100, call(0, "bob"))).await;
    sleep(Duration::from_millis(5)).await;
    let stopped_at = Instant::now();
    router.stop().await;
    assert_eq!(stopped_at.elapsed(), Duration::from_secs(5));
    let other = cluster.router();
    sleep(Duration::from_millis(100)).await;
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_some());
    other.stop().await;
}
