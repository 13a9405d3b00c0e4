//! A client that does not read, and one that sends far too much. Each is bounded, and other clients are not
//! affected. A client that is closed as too slow can claim its session.

use super::cluster::Fixture;
use super::measure::{Since, Usage};
use crate::fixture::redis_connection;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::raw_websocket::Received;
use testkit::{Client, RawWebsocket, Service};
use tokio::time::{Instant, sleep};

/// The memory that an edge may use for a client that does not read, and for its backlog.
const MAX_MEMORY_GROWTH: u64 = 32 << 20;
/// Time limit for a request of another client.
const NEIGHBOUR_LATENCY: Duration = Duration::from_millis(500);
/// A `list` of these names is some 100 kB.
const NAMES: usize = 100;
const LENGTH: usize = 1_000;

#[tokio::test]
async fn slow_client_is_closed_and_can_claim() {
    let fixture = Fixture::with(|plan| plan.with(Service::Edge, "--max-rate=0")).await;
    let (mut slow, mut neighbour) = fixture.pair("slow", "neighbour").await;
    let mut beside = Client::registered(&fixture.edge_url(0), "beside").await;
    long_names(&fixture).await;
    let edge = &fixture.cluster.edges[0];
    let (before, since) = (Usage::of(edge), Since::now("client does not read"));
    let (mut requests, mut last) = (0, String::new());
    while !edge.log().contains("reads too slowly") {
        last = slow.post_message(json!({"request": "list"}), None).await;
        requests += 1;
        assert!(requests < 400, "the client is never closed");
        sleep(Duration::from_millis(20)).await;
    }
    since.within(Duration::from_secs(10), &format!("closed after it left {requests} answers unread"));
    let growth = Usage::of(edge).memory_growth_since(&before);
    assert!(growth < MAX_MEMORY_GROWTH, "the edge grew by {growth} bytes");
    slow.reconnect(&fixture.edge_url(1)).await;
    slow.expect("the last answer", |it| it["janus"] == "event" && it["transaction"] == last.as_str()).await;
    neighbour.call("slow").await;
    slow.expect_event("incomingcall").await;
    beside.ping().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn excess_requests_do_not_delay_other_clients() {
    let fixture = Fixture::start().await;
    let (mut neighbour, _other) = fixture.pair("neighbour", "other").await;
    let edge = &fixture.cluster.edges[0];
    let before = Usage::of(edge);
    let senders: Vec<_> = (0..4).map(|_| tokio::spawn(send_for_three_seconds(fixture.edge_url(0)))).collect();
    let mut times = Vec::new();
    while senders.iter().any(|sender| !sender.is_finished()) {
        let sent = Instant::now();
        let answer: Value =
            neighbour.request_plugin(json!({"request": "exists", "username": "other"}), None).await;
        assert_eq!(answer["result"]["registered"], true);
        times.push(sent.elapsed());
    }
    times.sort();
    let p95 = times[times.len() * 95 / 100];
    println!("failure: clients send too much: 95 of 100 requests of another client: {} ms", p95.as_millis());
    assert!(p95 < NEIGHBOUR_LATENCY, "{p95:?}");
    let growth = Usage::of(edge).memory_growth_since(&before);
    assert!(growth < MAX_MEMORY_GROWTH, "the edge grew by {growth} bytes");
    for sender in senders {
        assert!(sender.await.unwrap() > 0, "no request was answered");
    }
}

/// Sends requests as fast as the socket takes them, for three seconds. Returns the number of answers.
async fn send_for_three_seconds(url: String) -> usize {
    let mut websocket = RawWebsocket::open(&url).await.unwrap();
    let (end, mut answers) = (Instant::now() + Duration::from_secs(3), 0);
    while Instant::now() < end {
        for _ in 0..50 {
            let ping = json!({"janus": "ping", "transaction": "ping"}).to_string();
            if !matches!(tokio::time::timeout_at(end, websocket.send(ping)).await, Ok(true)) {
                return answers;
            }
        }
        while let Received::Text(_) = websocket.next_until(Instant::now() + Duration::from_millis(1)).await {
            answers += 1;
        }
    }
    answers
}

/// Registers long names in the directory, so that a `list` is long.
async fn long_names(fixture: &Fixture) {
    let mut redis = redis_connection(&fixture.redis.url()).await;
    for number in 0..NAMES {
        let name = format!("{number:0>LENGTH$}");
        let key = format!("januscloud:videocall_users:{name}");
        let index = format!("sb:names:{}", number % 16);
        redis::cmd("SADD").arg(index).arg(&name).query_async::<()>(&mut redis).await.unwrap();
        redis::cmd("HSET").arg(key).arg("username").arg(name).query_async::<()>(&mut redis).await.unwrap();
    }
}
