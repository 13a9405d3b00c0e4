//! The master of a replicated Redis fails, and Sentinels make the replica the master. Services ask the Sentinels for it:
//! calls stay up, and soon after the failover new calls ring.

use super::cluster::{connect, expect_announced_on, hang_up, leave, talk};
use super::measure::Since;
use super::redis_restart::readiness;
use crate::fixture::{leftovers, redis_connection};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{
    Client, Cluster, Janus, Process, ReplicatedRedis, Service, becomes_true, eventually, http, sdp,
};

/// The longest time from the failover of Redis to a ringing call.
const RECOVERY: Duration = Duration::from_secs(3);
/// The same if the old master and a Sentinel do not reply: commands and lookups wait for both.
const FROZEN_RECOVERY: Duration = Duration::from_secs(6);

#[tokio::test]
async fn calls_survive_two_failovers() {
    let (mut redis, janus) = tokio::join!(ReplicatedRedis::start(), Janus::start());
    let mut calls = Calls::start(&redis, &janus).await;
    let former = redis.master().await;
    redis.fail_over().await;
    calls.expect_recovery("an operator fails over", &redis, former, RECOVERY).await;
    let current = redis.master().await;
    wait_until_replicated(&redis, current).await;
    redis.servers[current].kill();
    calls.expect_recovery("the master is killed", &redis, current, RECOVERY).await;
    calls.end(&redis, &janus).await;
}

#[tokio::test]
async fn calls_survive_a_frozen_master_that_returns() {
    let (mut redis, janus) = tokio::join!(ReplicatedRedis::start(), Janus::start());
    // The first Sentinel of the address does not reply either.
    redis.sentinels[0].stop();
    let mut calls = Calls::start(&redis, &janus).await;
    let former = redis.master().await;
    redis.servers[former].stop();
    calls.expect_recovery("the master is frozen", &redis, former, FROZEN_RECOVERY).await;
    redis.servers[former].resume();
    let late = Process::start(Service::Edge, &["--redis", &redis.url()]).await;
    assert_eq!(readiness(&late.admin_url()).await.0, 200);
    calls.end(&redis, &janus).await;
}

#[tokio::test]
async fn a_service_names_a_master_that_no_sentinel_knows() {
    let redis = ReplicatedRedis::start().await;
    let unknown = redis.url().replace("/mymaster", "/other");
    let edge = Process::spawn(Service::Edge, &["--redis", &unknown]);
    eventually("the edge names the reason", async || {
        let answer = http::send("GET", &format!("{}/readyz", edge.admin_url()), "").await;
        answer.is_ok_and(|it| it.status == 503 && it.body.contains("no Sentinel knows a working master"))
    })
    .await;
}

/// A cluster with a call, and two clients that call each other after each fault.
struct Calls {
    cluster: Cluster,
    call: (Client, Client),
    idle: (Client, Client),
}

impl Calls {
    async fn start(redis: &ReplicatedRedis, janus: &Janus) -> Self {
        let master = &redis.servers[redis.master().await];
        let plan = Cluster::new(master).redis(&redis.url(), &[]);
        let cluster = plan.edges(2).routers(2).connectors(2).rests(1).backend("a", janus).start().await;
        expect_announced_on(master, "a").await;
        let (here, there) = (cluster.edge_url(0), cluster.edge_url(1));
        let (alice, bob, carol, dave) = tokio::join!(
            Client::registered(&here, "alice"),
            Client::registered(&there, "bob"),
            Client::registered(&here, "carol"),
            Client::registered(&there, "dave"),
        );
        let mut call = (alice, bob);
        connect(&mut call.0, &mut call.1, "bob").await;
        Self { cluster, call, idle: (carol, dave) }
    }

    async fn expect_recovery(
        &mut self,
        event: &'static str,
        redis: &ReplicatedRedis,
        former: usize,
        recovery: Duration,
    ) {
        let failed = Since::now(event);
        eventually("the Sentinels have another master", async || redis.master().await != former).await;
        failed.within(Duration::from_secs(10), "until Redis has failed over");
        let failed_over = Since::now(event);
        let (carol, dave) = (&mut self.idle.0, &mut self.idle.1);
        eventually("a call is answered", async || {
            carol.clear_inbox().await;
            let call = json!({"request": "call", "username": "dave"});
            let transaction = carol.post_message(call, Some(sdp::offer())).await;
            let is_answer = |it: &Value| it["transaction"] == *transaction && it["janus"] != "ack";
            let answer = carol.expect("an answer", is_answer).await;
            answer["plugindata"]["data"]["result"]["event"] == "calling"
        })
        .await;
        dave.expect_event("incomingcall").await;
        dave.accept().await;
        carol.expect_event("accepted").await;
        failed_over.within(recovery, "after the failover, a new call rings and is answered");
        hang_up(carol, dave).await;
        self.cluster.wait_ready().await;
        failed_over.within(2 * recovery, "after the failover, every service is ready");
        let (alice, bob) = (&mut self.call.0, &mut self.call.1);
        talk(alice, bob).await;
        talk(bob, alice).await;
    }

    async fn end(self, redis: &ReplicatedRedis, janus: &Janus) {
        let ((mut alice, mut bob), (carol, dave)) = (self.call, self.idle);
        hang_up(&mut alice, &mut bob).await;
        leave(alice, bob).await;
        leave(carol, dave).await;
        let mut admin = janus.admin().await;
        eventually("no handle is left on Janus", async || admin.all_handles().await == 0).await;
        let master = redis.servers[redis.master().await].url();
        eventually("no key of a call is left", async || leftovers(&master).await.is_empty()).await;
    }
}

/// Waits until the other server is a replica that has all data.
async fn wait_until_replicated(redis: &ReplicatedRedis, master: usize) {
    let mut connection = redis_connection(&redis.servers[master].url()).await;
    // Sentinels leave a former master alone for 8 s.
    let is_replicated = becomes_true(Duration::from_secs(20), async || {
        let info: String = redis::cmd("INFO").arg("replication").query_async(&mut connection).await.unwrap();
        info.contains("state=online")
    });
    assert!(is_replicated.await, "the former master is no replica");
}
