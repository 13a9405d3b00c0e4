//! Redis is unreachable for a while: requests are refused in time and with a reason, and `/readyz` says why.
//! No process uses much CPU, and afterwards everything works as before.

use super::cluster::Fixture;
use super::measure::{Since, Usage};
use super::redis_restart::{continues, expect_all_registered, readiness};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Client, Process, eventually, sdp};
use tokio::time::{Instant, sleep_until};

const EVENT: &str = "Redis is away";
const AWAY: Duration = Duration::from_secs(15);
/// The edge's time limit for a request.
const DEADLINE: Duration = Duration::from_secs(10);
const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// Limits for a waiting service: the share of a core, and the growth in memory.
const MAX_CPU_SHARE: f64 = 0.2;
const MAX_MEMORY_GROWTH: u64 = 16 << 20;

#[tokio::test]
async fn requests_are_refused_in_time_until_redis_returns() {
    let mut fixture = Fixture::with(|plan| plan.rests(1)).await;
    let ((alice, bob), (mut carol, dave)) =
        tokio::join!(fixture.call("alice", "bob"), fixture.pair("carol", "dave"));
    fixture.redis.kill();
    let outage = Since::now(EVENT);
    let end = Instant::now() + AWAY;
    refused(&mut carol).await;
    for process in processes(&fixture) {
        let url = process.admin_url();
        eventually("/readyz reports that it is not ready", async || readiness(&url).await.0 == 503).await;
        let (_, why) = readiness(&url).await;
        assert!(why.contains("bus") || why.contains("directory") || why.contains("redis"), "{why}");
    }
    outage.within(DEADLINE + DEADLINE, "every /readyz says why");
    let before: Vec<Usage> = processes(&fixture).map(Usage::of).collect();
    sleep_until(end).await;
    refused(&mut carol).await;
    for (process, earlier) in processes(&fixture).zip(before) {
        let now = Usage::of(process);
        let (share, growth) = (now.cpu_since(&earlier), now.memory_growth_since(&earlier));
        let name = process.service().name();
        println!("failure: {EVENT}: {name} uses during the outage: {:.1} % of a core", share * 100.0);
        assert!(share < MAX_CPU_SHARE, "{name} uses {share} of a core");
        assert!(growth < MAX_MEMORY_GROWTH, "{name} grew by {growth} bytes");
    }
    fixture.redis.restart().await;
    let back = Since::now("Redis is back, empty");
    fixture.cluster.wait_ready().await;
    back.within(READY_TIMEOUT, "every service is ready again");
    expect_all_registered(&fixture).await;
    back.within(READY_TIMEOUT, "every name and mailbox is restored");
    continues(back, fixture, (alice, bob), (carol, dave)).await;
}

/// Requests that need Redis get an error before their deadline. Other requests are answered as usual.
async fn refused(client: &mut Client) {
    client.keepalive().await;
    let sent = Instant::now();
    let exists = client.request_plugin(json!({"request": "exists", "username": "bob"}), None);
    let answer: Value = exists.await;
    assert!(answer["error_code"].is_u64() && answer["error"].is_string(), "{answer}");
    let call = client.post_message(json!({"request": "call", "username": "dave"}), Some(sdp::offer())).await;
    let refusal = client.expect("its answer", |it| it["transaction"] == call.as_str()).await;
    assert!(refusal["plugindata"]["data"]["error"].is_string() || refusal["error"].is_object(), "{refusal}");
    assert!(sent.elapsed() < DEADLINE, "refused after {:?}", sent.elapsed());
    println!("failure: {EVENT}: two requests are refused: {} ms", sent.elapsed().as_millis());
}

fn processes(fixture: &Fixture) -> impl Iterator<Item = &Process> {
    let cluster = &fixture.cluster;
    cluster.edges.iter().chain(&cluster.routers).chain(&cluster.connectors).chain(&cluster.rests)
}
