//! A router is killed: what it was at is finished by another, and nobody notices more than a pause.

use super::house::FailureCluster;
use super::measure::Since;
use crate::fixture::redis_connection;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::{Client, eventually};
use tokio::time::{Instant, timeout_at};

const EVENT: &str = "router is killed";
const FINISHED: Duration = Duration::from_secs(3);
/// More than one router takes at once.
const REQUESTS: usize = 60;

#[tokio::test]
async fn what_it_was_at_is_finished_by_another() {
    let mut house = FailureCluster::start().await;
    let starts = (0..REQUESTS).map(|number| {
        let door = house.edge_url(number % 2);
        tokio::spawn(async move { Client::attached(&door).await })
    });
    let mut clients = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        clients.push(start.await.unwrap());
    }
    // A frozen router is still given messages, with which nothing happens then.
    house.cluster.routers[0].stop();
    let mut asked = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        let register = json!({"request": "register", "username": format!("user {number}")});
        asked.push(client.post_message(register, None).await);
    }
    eventually("the other router has done its part", async || {
        let pending = pending(&house).await;
        pending.len() == 1 && pending.values().sum::<usize>() > 0
    })
    .await;
    let unfinished: usize = pending(&house).await.values().sum();
    house.cluster.routers[0].kill();
    let killed = Since::now(EVENT);
    let deadline = Instant::now() + FINISHED;
    for (client, transaction) in clients.iter_mut().zip(asked) {
        let registered = client.expect("its answer", |it| {
            it["transaction"] == transaction.as_str()
                && it["plugindata"]["data"]["result"]["event"] == "registered"
        });
        timeout_at(deadline, registered).await.expect("every request is finished in time");
    }
    killed.within(FINISHED, &format!("{unfinished} requests that it had begun are finished"));
}

/// How many messages of the queues each router has and has not finished.
async fn pending(house: &FailureCluster) -> BTreeMap<String, usize> {
    let mut redis = redis_connection(&house.redis.url()).await;
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
async fn with_no_router_left_requests_wait_for_the_next() {
    let mut house = FailureCluster::start().await;
    let (mut alice, mut bob) = house.pair("alice", "bob").await;
    for router in &mut house.cluster.routers {
        router.kill();
    }
    let killed = Since::now("all routers are killed");
    let call = json!({"request": "call", "username": "bob"});
    alice.post_message(call, Some(testkit::sdp::offer())).await;
    house.cluster.routers[1].restart().await;
    bob.expect_event("incomingcall").await;
    killed.within(Duration::from_secs(6), "one is started again and a call that waited rings");
    bob.accept().await;
    alice.expect_event("accepted").await;
}
