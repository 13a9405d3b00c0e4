//! A client that exceeds its rate limit.

use crate::harness::Harness;
use serde_json::json;
use std::time::Duration;
use testkit::Client;
use tokio::time::Instant;

#[tokio::test]
async fn excess_requests_are_delayed_and_others_are_not() {
    let harness = Harness::start(&["--max-rate=20"]).await;
    let (mut client, mut other) = (Client::connect(&harness.url).await, Client::connect(&harness.url).await);
    let began = Instant::now();
    for _ in 0..130 {
        client.post(json!({"janus": "ping"})).await;
    }
    let other_began = Instant::now();
    other.ping().await;
    assert!(other_began.elapsed() < Duration::from_millis(200), "{:?}", other_began.elapsed());
    for _ in 0..130 {
        client.expect_core("pong").await;
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(3), "{took:?}");
}
