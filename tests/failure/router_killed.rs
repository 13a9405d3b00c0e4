//! A router is killed: another one completes its in-flight requests, and clients notice no more than a pause.

use super::cluster::Fixture;
use super::measure::Since;
use crate::fixture::redis_connection;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::{Client, eventually};
use tokio::time::{Instant, timeout_at};

const EVENT: &str = "router is killed";
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(3);
/// More requests than one router takes at once.
const REQUESTS: usize = 60;

#[tokio::test]
async fn another_router_completes_in_flight_requests() {
    let mut fixture = Fixture::start().await;
    let starts = (0..REQUESTS).map(|number| {
        let edge_url = fixture.edge_url(number % 2);
        tokio::spawn(async move { Client::attached(&edge_url).await })
    });
    let mut clients = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        clients.push(start.await.unwrap());
    }
    // A frozen router is still assigned messages, which it does not process.
    fixture.cluster.routers[0].stop();
    let mut transactions = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        let register = json!({"request": "register", "username": format!("user {number}")});
        transactions.push(client.post_message(register, None).await);
    }
    eventually("the other router has completed its requests", async || {
        let pending = pending(&fixture).await;
        pending.len() == 1 && pending.values().sum::<usize>() > 0
    })
    .await;
    let unfinished: usize = pending(&fixture).await.values().sum();
    fixture.cluster.routers[0].kill();
    let killed = Since::now(EVENT);
    let deadline = Instant::now() + COMPLETION_TIMEOUT;
    for (client, transaction) in clients.iter_mut().zip(transactions) {
        let registered = client.expect("its answer", |it| {
            it["transaction"] == transaction.as_str()
                && it["plugindata"]["data"]["result"]["event"] == "registered"
        });
        timeout_at(deadline, registered).await.expect("every request is completed in time");
    }
    killed.within(COMPLETION_TIMEOUT, &format!("{unfinished} unfinished requests are completed"));
}

/// The number of unfinished queue messages of each router.
async fn pending(fixture: &Fixture) -> BTreeMap<String, usize> {
    let mut redis = redis_connection(&fixture.redis.url()).await;
    let mut pending = BTreeMap::new();
    for queue in ["sb:{requests:0}", "sb:{requests:1}"] {
        type Summary = (usize, Option<String>, Option<String>, Option<Vec<(String, usize)>>);
        let (_, _, _, workers): Summary =
            redis::cmd("XPENDING").arg(queue).arg("workers").query_async(&mut redis).await.unwrap();
        for (worker, count) in workers.into_iter().flatten() {
            *pending.entry(worker).or_default() += count;
        }
    }
    pending
}

#[tokio::test]
async fn requests_wait_for_the_next_router() {
    let mut fixture = Fixture::start().await;
    let (mut alice, mut bob) = fixture.pair("alice", "bob").await;
    for router in &mut fixture.cluster.routers {
        router.kill();
    }
    let killed = Since::now("all routers are killed");
    let call = json!({"request": "call", "username": "bob"});
    alice.post_message(call, Some(testkit::sdp::offer())).await;
    fixture.cluster.routers[1].restart().await;
    bob.expect_event("incomingcall").await;
    killed.within(Duration::from_secs(6), "one is restarted and a waiting call rings");
    bob.accept().await;
    alice.expect_event("accepted").await;
}
