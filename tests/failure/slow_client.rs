//! A client that does not read, and one that says far too much: each is bounded, nobody else notices, and
//! who was closed as slow can claim its session.

use super::house::FailureCluster;
use super::measure::{Since, Usage};
use crate::fixture::redis_connection;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::raw_websocket::Received;
use testkit::{Client, RawWebsocket};
use tokio::time::{Instant, sleep};

/// What an edge may need for a client that does not read, and for what is said meanwhile.
const MOST_MEMORY: u64 = 32 << 20;
/// How long a neighbour's request may take.
const NEIGHBOUR: Duration = Duration::from_millis(500);
/// A `list` of these names is some 100 kB.
const NAMES: usize = 100;
const LENGTH: usize = 1_000;

#[tokio::test]
async fn who_does_not_read_is_closed_and_can_claim() {
    let house = FailureCluster::start().await;
    let (mut slow, mut neighbour) = house.pair("slow", "neighbour").await;
    let mut beside = Client::registered(&house.edge_url(0), "beside").await;
    long_names(&house).await;
    let edge = &house.cluster.edges[0];
    let (before, begun) = (Usage::of(edge), Since::now("client does not read"));
    let (mut asked, mut last) = (0, String::new());
    while !edge.log().contains("reads too slowly") {
        last = slow.post_message(json!({"request": "list"}), None).await;
        asked += 1;
        assert!(asked < 400, "it is never closed");
        sleep(Duration::from_millis(20)).await;
    }
    begun.within(Duration::from_secs(10), &format!("closed after it left {asked} answers unread"));
    let grown = Usage::of(edge).grown_since(&before);
    assert!(grown < MOST_MEMORY, "the edge grew by {grown} bytes");
    slow.reconnect(&house.edge_url(1)).await;
    slow.expect("the last answer", |it| it["janus"] == "event" && it["transaction"] == last.as_str()).await;
    neighbour.call("slow").await;
    slow.expect_event("incomingcall").await;
    beside.ping().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_too_much_holds_nobody_up() {
    let house = FailureCluster::start().await;
    let (mut neighbour, _other) = house.pair("neighbour", "other").await;
    let edge = &house.cluster.edges[0];
    let before = Usage::of(edge);
    let floods: Vec<_> = (0..4).map(|_| tokio::spawn(flood(house.edge_url(0)))).collect();
    let mut times = Vec::new();
    while floods.iter().any(|flood| !flood.is_finished()) {
        let asked = Instant::now();
        let answer: Value = neighbour.ask(json!({"request": "exists", "username": "other"}), None).await;
        assert_eq!(answer["result"]["registered"], true);
        times.push(asked.elapsed());
    }
    times.sort();
    let slowest = times[times.len() * 95 / 100];
    println!("failure: clients say too much: 95 of 100 requests beside them: {} ms", slowest.as_millis());
    assert!(slowest < NEIGHBOUR, "{slowest:?}");
    let grown = Usage::of(edge).grown_since(&before);
    assert!(grown < MOST_MEMORY, "the edge grew by {grown} bytes");
    for flood in floods {
        assert!(flood.await.unwrap() > 0, "nothing is answered any more");
    }
}

/// Asks as fast as the socket takes it, for three seconds; how many answers came.
async fn flood(url: String) -> usize {
    let mut wire = RawWebsocket::open(&url).await.unwrap();
    let (end, mut answers) = (Instant::now() + Duration::from_secs(3), 0);
    while Instant::now() < end {
        for _ in 0..50 {
            let ping = json!({"janus": "ping", "transaction": "flood"}).to_string();
            if !matches!(tokio::time::timeout_at(end, wire.send(ping)).await, Ok(true)) {
                return answers;
            }
        }
        while let Received::Text(_) = wire.next_until(Instant::now() + Duration::from_millis(1)).await {
            answers += 1;
        }
    }
    answers
}

/// Long names in the directory, so that a `list` is long.
async fn long_names(house: &FailureCluster) {
    let mut redis = redis_connection(&house.redis.url()).await;
    for number in 0..NAMES {
        let name = format!("{number:0>LENGTH$}");
        let key = format!("januscloud:videocall_users:{name}");
        redis::cmd("HSET").arg(key).arg("username").arg(name).query_async::<()>(&mut redis).await.unwrap();
    }
}
