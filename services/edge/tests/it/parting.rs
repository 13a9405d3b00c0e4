//! An edge stops, and another goes on with its sessions.

use crate::bench::Bench;
use bus::message::Body;
use serde_json::json;
use std::time::Duration;
use testkit::Client;
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn clients_are_sent_away_and_go_on_elsewhere() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let (mut alice, asked, leg) = bench.ringing().await;
    bench.stop.cancel();
    assert_eq!(alice.expect_closed().await, Some(1012));
    bench.tell_stamped(&bench.id, &asked.asks.from, leg, 1, "one").await;
    alice.reconnect(&other.url).await;
    alice.expect_event("one").await;
    assert!(
        matches!(bench.on_leg().await.body, Body::ClientMoved(attend) if attend.address.edge == other.id)
    );
    timeout(Duration::from_secs(5), &mut bench.edge).await.unwrap().unwrap();
    let silence = bench.directory.since_heartbeat(&bench.id).await.unwrap();
    assert!(silence.unwrap() >= directory::DEREGISTERED_AGE, "{silence:?}");
}

#[tokio::test]
async fn sockets_are_closed_one_after_the_other_and_within_the_bound() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(Client::attached(&bench.url).await);
    }
    let began = Instant::now();
    bench.stop.cancel();
    let closed = clients.iter_mut().map(async |client| {
        client.expect_closed().await;
        began.elapsed()
    });
    let mut closed = futures_util::future::join_all(closed).await;
    closed.sort();
    let (first, last) = (closed[0], closed[19]);
    assert!(last < Duration::from_millis(1_500) && last - first > Duration::from_millis(500), "{closed:?}");
    timeout(Duration::from_secs(5), &mut bench.edge).await.unwrap().unwrap();
    for client in &mut clients {
        client.reconnect(&other.url).await;
        let detach = client.on_handle(json!({"janus": "detach"}));
        client.request_for("success", detach).await;
    }
}

#[tokio::test]
async fn an_edge_stops_in_time_although_the_directory_hangs() {
    let (mut bench, frost) = Bench::in_frost(&[]).await;
    let mut alice = bench.alice().await;
    frost.set(true);
    bench.stop.cancel();
    assert_eq!(alice.expect_closed().await, Some(1012));
    timeout(Duration::from_millis(2_500), &mut bench.edge).await.unwrap().unwrap();
}
