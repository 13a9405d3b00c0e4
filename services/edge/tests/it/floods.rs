//! A client that asks for too much.

use crate::bench::Bench;
use serde_json::json;
use std::time::Duration;
use testkit::Client;
use tokio::time::Instant;

#[tokio::test]
async fn a_flood_waits_and_hurts_nobody_else() {
    let bench = Bench::start(&["--max-rate=20"]).await;
    let (mut flood, mut other) = (Client::connect(&bench.url).await, Client::connect(&bench.url).await);
    let began = Instant::now();
    for _ in 0..130 {
        flood.post(json!({"janus": "ping"})).await;
    }
    let quick = Instant::now();
    other.ping().await;
    assert!(quick.elapsed() < Duration::from_millis(200), "{:?}", quick.elapsed());
    for _ in 0..130 {
        flood.expect_core("pong").await;
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(3), "{took:?}");
}
