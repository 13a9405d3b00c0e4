//! A router that is told to stop.

use crate::bench::{Cluster, call, call_id, message};
use crate::sky::{Silent, Slow};
use common::fault::FaultInjector;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn it_finishes_what_it_has_begun_and_takes_nothing_new() {
    let cluster = Cluster::populated().await;
    let router = cluster.router_under(&Slow::by(1));
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
async fn it_does_not_wait_for_a_store_that_hangs_and_leaves_the_request_to_others() {
    let cluster = Cluster::populated().await;
    let router = cluster.router_under(&FaultInjector::new(Arc::new(Silent)));
    cluster.enqueue(&message(100, call(0, "bob"))).await;
    sleep(Duration::from_millis(5)).await;
    let told = Instant::now();
    router.stop().await;
    assert_eq!(told.elapsed(), Duration::from_secs(5));
    let other = cluster.router();
    sleep(Duration::from_millis(100)).await;
    assert!(cluster.directory.call(call_id(100)).await.unwrap().is_some());
    other.stop().await;
}
