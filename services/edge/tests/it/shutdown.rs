//! An edge shuts down, and another takes over its sessions.

use crate::harness::Harness;
use bus::message::Body;
use serde_json::json;
use std::time::Duration;
use testkit::Client;
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn shutdown_closes_sockets_and_clients_continue_elsewhere() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let (mut alice, received, leg) = harness.ringing().await;
    harness.stop.cancel();
    assert_eq!(alice.expect_closed().await, Some(1012));
    harness.send_sequenced(&harness.id, &received.request.from, leg, 1, "one").await;
    alice.reconnect(&other.url).await;
    alice.expect_event("one").await;
    assert!(
        matches!(harness.leg_message().await.body, Body::ClientMoved(moved) if moved.address.edge == other.id)
    );
    timeout(Duration::from_secs(5), &mut harness.edge).await.unwrap().unwrap();
    let age = harness.directory.since_heartbeat(&harness.id).await.unwrap();
    assert!(age.unwrap() >= directory::DEREGISTERED_AGE, "{age:?}");
}

#[tokio::test]
async fn sockets_are_closed_spread_over_time_before_the_deadline() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(Client::attached(&harness.url).await);
    }
    let began = Instant::now();
    harness.stop.cancel();
    let closed = clients.iter_mut().map(async |client| {
        client.expect_closed().await;
        began.elapsed()
    });
    let mut closed = futures_util::future::join_all(closed).await;
    closed.sort();
    let (first, last) = (closed[0], closed[19]);
    assert!(last < Duration::from_millis(1_500) && last - first > Duration::from_millis(500), "{closed:?}");
    timeout(Duration::from_secs(5), &mut harness.edge).await.unwrap().unwrap();
    for client in &mut clients {
        client.reconnect(&other.url).await;
        let detach = client.on_handle(json!({"janus": "detach"}));
        client.request_for("success", detach).await;
    }
}

#[tokio::test]
async fn shutdown_meets_its_deadline_with_a_stalled_directory() {
    let (mut harness, stall) = Harness::with_stalled_directory(&[]).await;
    let mut alice = harness.alice().await;
    stall.set(true);
    harness.stop.cancel();
    assert_eq!(alice.expect_closed().await, Some(1012));
    timeout(Duration::from_millis(2_500), &mut harness.edge).await.unwrap().unwrap();
}
