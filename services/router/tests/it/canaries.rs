//! Canaries: messages that check the streams between services.

use crate::faults::HungStore;
use crate::harness::{Cluster, edge};
use bus::message::{Body, Canary, Message};
use common::ServiceId;
use common::fault::FaultInjector;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

fn canary(from: &str, number: u64) -> Message {
    let canary = Canary { from: ServiceId::from(from), stream: "requests:0".to_owned(), number };
    Message::new(Body::Canary(canary))
}

#[tokio::test(start_paused = true)]
async fn canary_of_an_edge_is_returned() {
    let mut cluster = Cluster::start().await;
    let sent = canary(edge().as_str(), 7);
    cluster.process(&sent).await;
    cluster.process(&canary("stopped-edge", 8)).await;
    let returned = cluster.at_edge().await;
    assert!(
        matches!(&returned[..], [Message { body: Body::Canary(it), .. }] if it.number == 7),
        "{returned:?}"
    );
    assert_eq!(cluster.unfinished().await, 0);
}

#[tokio::test(start_paused = true)]
async fn router_is_unready_without_its_own_notices() {
    let cluster = Cluster::start().await;
    let router = cluster.router_with_canary(&FaultInjector::default(), 2);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(router.unmet(), [""; 0]);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(router.unmet(), [""; 0]);
    router.stop().await;
    let unready = cluster.router_with_canary(&FaultInjector::new(Arc::new(HungStore)), 2);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(unready.unmet(), ["canary notices"]);
}
