//! The wall clock of a process is wrong, or jumps during calls: calls go on as before, and operators are told by name.
//! A jump of Redis' own clock makes Redis drop what expires, as if it had lost a part of its data.

use super::cluster::{connect, expect_announced_on, expect_call_end, hang_up, leave, talk};
use super::measure::Since;
use super::redis_restart::{call_when_ready, readiness};
use crate::fixture::redis_connection;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testkit::redis::RedisConfig;
use testkit::{Client, Cluster, FakeClock, Janus, Process, Redis, Service, eventually, http};

/// Seconds by which clocks are ahead of the right time, and how a finding says it.
const OFFSETS: [(i64, &str); 4] = [
    (15, "15 s ahead of Redis' clock"),
    (3_600, "60 min ahead of Redis' clock"),
    (-15, "15 s behind Redis' clock"),
    (-3_600, "60 min behind Redis' clock"),
];
const SERVICES: [Service; 4] = [Service::Edge, Service::Router, Service::Connector, Service::Rest];
/// Until a wrong clock is noticed: a second until the process sees it, one until it checks, and the round trips.
const NOTICED: Duration = Duration::from_secs(5);
/// Until a call can be placed after a jump of Redis' clock.
const RECOVERED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn calls_go_on_whatever_the_clocks_of_services_show() {
    let (redis, janus) = tokio::join!(Redis::start(), Janus::start());
    let clocks = OFFSETS.map(|(offset, _)| FakeClock::ahead(offset));
    let plan = Cluster::new(&redis).rests(1).backend("a", &janus);
    let plan = SERVICES.iter().zip(&clocks).fold(plan, |plan, (service, clock)| plan.clock(*service, clock));
    let mut cluster = plan.start().await;
    expect_announced_on(&redis, "a").await;
    let (mut alice, mut bob) = pair(&cluster, "alice", "bob").await;
    let (mut carol, mut dave) = pair(&cluster, "carol", "dave").await;
    connect(&mut alice, &mut bob, "bob").await;
    // In each round every service has another clock. The first round is how they started.
    for round in 0..OFFSETS.len() {
        let jump = Since::now("clocks of services jump");
        let offset_of = |number: usize| OFFSETS[(number + round) % OFFSETS.len()];
        for (number, clock) in clocks.iter().enumerate() {
            clock.set_ahead(offset_of(number).0);
        }
        let expected = [0, 1, 2, 3].map(|number| (SERVICES[number].name(), offset_of(number).1));
        eventually("the findings name every service, and calls go on meanwhile", async || {
            connect(&mut carol, &mut dave, "dave").await;
            hang_up(&mut carol, &mut dave).await;
            let findings = skew_findings(&cluster).await;
            expected.iter().all(|expected| findings.iter().any(|finding| is_about(finding, expected)))
        })
        .await;
        jump.within(NOTICED, "findings name every service");
        talk(&mut alice, &mut bob).await;
        for process in cluster.processes() {
            assert_eq!(readiness(&process.admin_url()).await.0, 200);
        }
        expect_metric(&cluster.routers[0], offset_of(1).0).await;
    }
    // The next connector keeps its clock.
    a_ringing_call_outlives_its_connector(&mut cluster, &redis, &janus, &mut carol, &mut dave).await;
    for clock in &clocks {
        clock.set_ahead(0);
    }
    let is_of_connector =
        |finding: &Value| finding["about"]["name"].as_str().unwrap().starts_with("connector");
    eventually("no other clock is wrong", async || skew_findings(&cluster).await.iter().all(is_of_connector))
        .await;
    let log = cluster.routers[0].log();
    for line in ["ahead of Redis' clock", "behind Redis' clock", "agrees with Redis' clock again"] {
        assert!(log.contains(line), "{line} in {log}");
    }
    hang_up(&mut alice, &mut bob).await;
    leave(alice, bob).await;
    leave(carol, dave).await;
}

/// The next connector, whose clock shows another hour, does not take the call for one that has rung too long.
async fn a_ringing_call_outlives_its_connector(
    cluster: &mut Cluster,
    redis: &Redis,
    janus: &Janus,
    caller: &mut Client,
    callee: &mut Client,
) {
    caller.call("dave").await;
    callee.expect_event("incomingcall").await;
    let backend = format!("--backend=a={}", janus.url());
    let clock = FakeClock::ahead(-3 * 3_600);
    let next =
        Process::start_with_clock(Some(&clock), Service::Connector, &["--redis", &redis.url(), &backend])
            .await;
    // The event is stored before its connector dies.
    super::cluster::wait_until_persisted().await;
    cluster.connectors[0].kill();
    eventually("the next connector has the lease", async || next.log().contains("acquired the lease")).await;
    callee.accept().await;
    caller.expect_event("accepted").await;
    hang_up(caller, callee).await;
    cluster.connectors[0] = next;
}

#[tokio::test]
async fn a_jump_of_redis_clock_is_recovered_from() {
    let clock = FakeClock::ahead(15);
    let config = RedisConfig { clock: Some(clock.clone()), ..RedisConfig::default() };
    let (redis, janus) = tokio::join!(Redis::with(config), Janus::start());
    let mut cluster = Cluster::new(&redis).rests(1).backend("a", &janus).start().await;
    expect_announced_on(&redis, "a").await;
    let (mut alice, mut bob) = pair(&cluster, "alice", "bob").await;
    let (mut carol, mut dave) = pair(&cluster, "carol", "dave").await;
    connect(&mut alice, &mut bob, "bob").await;
    eventually("the finding is about Redis", async || {
        let findings = skew_findings(&cluster).await;
        matches!(&findings[..], [finding] if finding["about"]["name"] == "redis")
    })
    .await;
    for (event, offset) in [
        ("Redis' clock jumps back by 15 s", 0),
        ("Redis' clock jumps ahead by 15 s", 15),
        ("Redis' clock jumps ahead by an hour", 3_600),
        ("Redis' clock jumps back by an hour", 0),
    ] {
        clock.set_ahead(offset);
        expect_redis_ahead(&redis, offset).await;
        let jump = Since::now(event);
        expect_mailboxes(&redis).await;
        carol.clear_inbox().await;
        dave.clear_inbox().await;
        call_when_ready(&mut carol, &mut dave, "dave").await;
        jump.within(RECOVERED, "a new call rings and is answered");
        hang_up(&mut carol, &mut dave).await;
        talk(&mut alice, &mut bob).await;
        for process in cluster.processes() {
            assert_eq!(readiness(&process.admin_url()).await.0, 200);
        }
    }
    alice.hangup().await;
    expect_call_end(&mut bob).await;
    leave(alice, bob).await;
    leave(carol, dave).await;
}

async fn pair(cluster: &Cluster, first: &str, second: &str) -> (Client, Client) {
    let edge = cluster.edge_url(0);
    tokio::join!(Client::registered(&edge, first), Client::registered(&edge, second))
}

async fn skew_findings(cluster: &Cluster) -> Vec<Value> {
    let response = http::get(&format!("{}/api/v1/cluster", cluster.rest_url(0))).await;
    let mut view: Value = serde_json::from_str(&response.body).unwrap();
    let Value::Array(mut findings) = view["findings"].take() else { panic!("{view}") };
    findings.retain(|finding| finding["code"] == "clock_skew");
    findings
}

fn is_about(finding: &Value, (service, off): &(&str, &str)) -> bool {
    finding["about"]["name"].as_str().unwrap().starts_with(service)
        && finding["detail"].as_str().unwrap().contains(off)
}

async fn expect_metric(process: &Process, offset: i64) {
    let metrics = http::get(&format!("{}/metrics", process.admin_url())).await.body;
    let skew = metrics.lines().find_map(|line| line.strip_prefix("switchboard_clock_skew_seconds "));
    let skew: f64 = skew.unwrap().parse().unwrap();
    assert!((skew - offset as f64).abs() < 1.0, "{skew}");
}

/// After a jump ahead Redis has dropped them: they have an end, which their owners put off every second.
async fn expect_mailboxes(redis: &Redis) {
    let mut connection = redis_connection(&redis.url()).await;
    for keys in ["sb:{edge-*", "sb:{backend:*"] {
        eventually("the mailbox is there", async || {
            let found: Vec<String> =
                ::redis::cmd("KEYS").arg(keys).query_async(&mut connection).await.unwrap();
            !found.is_empty()
        })
        .await;
    }
}

async fn expect_redis_ahead(redis: &Redis, offset: i64) {
    let mut connection = redis_connection(&redis.url()).await;
    eventually("Redis' clock has jumped", async || {
        let (seconds, _): (i64, u32) = ::redis::cmd("TIME").query_async(&mut connection).await.unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        (seconds - i64::try_from(now).unwrap() - offset).abs() <= 2
    })
    .await;
}
