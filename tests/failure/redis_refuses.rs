//! Redis runs and refuses every connection for a while. No service needs a restart: calls stay up, and soon after
//! the refusal new calls ring. A service that is started meanwhile waits.
//!
//! Here are two kinds of refusal on real processes. All kinds, on all kinds of connections, are in
//! `shared/redis_connection/tests/refusals/`.

use super::cluster::{Fixture, hang_up, leave, talk};
use super::measure::Since;
use super::redis_restart::{call_when_ready, readiness};
use crate::fixture::redis_connection;
use redis::aio::MultiplexedConnection;
use std::time::Duration;
use testkit::{MedialessJanus, Process, Redis, Service, eventually, http};
use tokio::time::{Instant, sleep_until};

/// The longest time from the end of a refusal to a ringing call.
const RECOVERY: Duration = Duration::from_secs(6);

#[tokio::test]
async fn calls_survive_a_password_that_services_do_not_have() {
    let refusal = [["requirepass", "x"], ["requirepass", ""]];
    check_recovery("Redis wants a password", refusal, Duration::from_secs(10)).await;
}

#[tokio::test]
async fn calls_survive_a_limit_of_clients() {
    let refusal = [["maxclients", "1"], ["maxclients", "10000"]];
    check_recovery("Redis has too many clients", refusal, Duration::from_secs(3)).await;
}

#[tokio::test]
async fn services_that_start_on_a_replica_wait() {
    let (redis, janus) = tokio::join!(Redis::start(), MedialessJanus::start());
    let backend = format!("a={}", janus.url());
    let mut admin = redis_connection(&redis.url()).await;
    // Nothing listens on port 1.
    replicate(&mut admin, ["127.0.0.1", "1"]).await;
    let url = redis.url();
    let start = |service, options: &[&str]| Process::spawn(service, &[&["--redis", &url], options].concat());
    let mut processes = [
        start(Service::Edge, &[]),
        start(Service::Router, &[]),
        start(Service::Connector, &["--backend", &backend]),
        start(Service::Rest, &[]),
    ];
    let edge = processes[0].admin_url();
    eventually("the edge names the reason", async || {
        let answer = http::send("GET", &format!("{edge}/readyz"), "").await;
        answer.is_ok_and(|it| it.status == 503 && it.body.to_lowercase().contains("readonly"))
    })
    .await;
    replicate(&mut admin, ["NO", "ONE"]).await;
    let ended = Since::now("Redis is a replica at the start of the services");
    for process in &mut processes {
        process.wait_ready().await;
    }
    ended.within(RECOVERY, "after it, every service is ready");
}

async fn replicate(admin: &mut MultiplexedConnection, master: [&str; 2]) {
    redis::cmd("REPLICAOF").arg(&master).exec_async(admin).await.unwrap();
}

/// The first setting begins the refusal, the second ends it.
async fn check_recovery(event: &'static str, [begin, end]: [[&str; 2]; 2], hold: Duration) {
    let mut fixture = Fixture::with(|plan| plan.rests(1)).await;
    let ((mut alice, mut bob), (mut carol, mut dave)) =
        tokio::join!(fixture.call("alice", "bob"), fixture.pair("carol", "dave"));
    let mut admin = redis_connection(&fixture.redis.url()).await;
    configure(&mut admin, begin).await;
    for kind in ["normal", "pubsub"] {
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("TYPE").arg(kind).arg("SKIPME").arg("yes");
        kill.exec_async(&mut admin).await.unwrap();
    }
    let until = Instant::now() + hold;
    let late = Process::spawn(Service::Edge, &["--redis", &fixture.redis.url()]);
    sleep_until(until).await;
    for process in [&fixture.cluster.edges[0], &fixture.cluster.rests[0], &late] {
        assert_eq!(readiness(&process.admin_url()).await.0, 503);
    }
    configure(&mut admin, end).await;
    let ended = Since::now(event);
    call_when_ready(&mut carol, &mut dave, "dave").await;
    ended.within(RECOVERY, "after it, a new call rings and is answered");
    fixture.cluster.wait_ready().await;
    let url = late.admin_url();
    eventually("the edge that was started meanwhile is ready", async || readiness(&url).await.0 == 200).await;
    ended.within(RECOVERY, "after it, every service is ready");
    talk(&mut alice, &mut bob).await;
    talk(&mut bob, &mut alice).await;
    hang_up(&mut alice, &mut bob).await;
    hang_up(&mut carol, &mut dave).await;
    leave(alice, bob).await;
    leave(carol, dave).await;
    fixture.expect_clean().await;
}

async fn configure(admin: &mut MultiplexedConnection, [name, value]: [&str; 2]) {
    redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec_async(admin).await.unwrap();
}
