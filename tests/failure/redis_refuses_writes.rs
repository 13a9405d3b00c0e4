//! Redis answers, but takes no writes for a while: it is a replica after a failover, out of memory, without the
//! replicas that it must have, or paused. `/readyz` of every service names the refused command and the reason. No
//! process fills its log. No edge is taken for dead, although none could write its heartbeat for longer than sessions
//! outlive their edge. Calls continue, and new ones can be made afterwards.

use super::cluster::{Fixture, talk};
use super::measure::Since;
use super::redis_restart::{continues, readiness};
use crate::fixture::redis_connection;
use serde_json::Value;
use std::time::Duration;
use testkit::{Process, eventually, http};
use tokio::time::{Instant, sleep_until};

/// How long Redis refuses writes.
const OUTAGE: Duration = Duration::from_secs(8);
/// How long sessions outlive their edge: less than the outage, so that an edge that is taken for dead loses them.
const RECLAIM_TIMEOUT: &str = "--reclaim-timeout=3";
/// `/readyz` must say so, and must be ready again, within this time.
const READYZ_TIMEOUT: Duration = Duration::from_secs(3);
/// After the outage routers wait before they reap. By this time they have reaped what they would reap.
const REAPED_AFTER: Duration = Duration::from_secs(7);
/// The bound of the lines that a process logs because of an outage.
const MAX_LINES: usize = 20;

/// A way in which Redis refuses writes: the commands that begin it, those that end it, and what `/readyz` says of the bus
/// and of the directory.
struct Refusal {
    event: &'static str,
    begin: &'static [&'static str],
    end: &'static [&'static str],
    reasons: [&'static str; 2],
}

#[tokio::test]
async fn read_only_replica() {
    let reasons = [
        "XADD refused: READONLY You can't write against a read only replica.",
        "SET refused: READONLY You can't write against a read only replica.",
    ];
    let (begin, end) = (&["REPLICAOF 127.0.0.1 1"], &["REPLICAOF NO ONE"]);
    check(Refusal { event: "Redis is read-only", begin, end, reasons }).await;
}

#[tokio::test]
async fn out_of_memory() {
    let reasons = [
        "XADD refused: OOM command not allowed when used memory > 'maxmemory'.",
        "SET refused: OOM command not allowed when used memory > 'maxmemory'.",
    ];
    let begin = &["CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1"];
    check(Refusal { event: "Redis is out of memory", begin, end: &["CONFIG SET maxmemory 0"], reasons })
        .await;
}

#[tokio::test]
async fn without_replicas() {
    let reasons = [
        "XADD refused: NOREPLICAS Not enough good replicas to write.",
        "SET refused: NOREPLICAS Not enough good replicas to write.",
    ];
    let (begin, end) = (&["CONFIG SET min-replicas-to-write 1"], &["CONFIG SET min-replicas-to-write 0"]);
    check(Refusal { event: "Redis lacks replicas", begin, end, reasons }).await;
}

#[tokio::test]
async fn without_rights() {
    let reasons = [
        "XADD refused: NOPERM this user has no permissions",
        "SET refused: NOPERM this user has no permissions",
    ];
    let (begin, end) = (&["ACL SETUSER default -@write"], &["ACL SETUSER default +@all"]);
    check(Refusal { event: "Redis forbids writes", begin, end, reasons }).await;
}

#[tokio::test]
async fn paused_writes() {
    let reasons = ["no answer within 1.5 seconds"; 2];
    let (begin, end) = (&["CLIENT PAUSE 60000 WRITE"], &["CLIENT UNPAUSE"]);
    check(Refusal { event: "Redis holds writes back", begin, end, reasons }).await;
}

async fn check(refusal: Refusal) {
    let fixture = Fixture::with(|plan| plan.rests(1).with(testkit::Service::Edge, RECLAIM_TIMEOUT)).await;
    let ((mut alice, mut bob), (carol, dave)) =
        tokio::join!(fixture.call("alice", "bob"), fixture.pair("carol", "dave"));
    let lines_before = lines(&fixture);
    send(&fixture, refusal.begin).await;
    let (outage, end) = (Since::now(refusal.event), Instant::now() + OUTAGE);
    for (condition, reason) in ["bus", "directory"].into_iter().zip(refusal.reasons) {
        for process in processes(&fixture) {
            let (name, url) = (process.service().name(), process.admin_url());
            eventually(&format!("/readyz of {name} says {condition}: {reason}"), async || {
                unmet(&url, condition).await.is_some_and(|text| text.contains(reason))
            })
            .await;
        }
    }
    outage.within(READYZ_TIMEOUT, "every /readyz names the reason");
    sleep_until(end).await;
    send(&fixture, refusal.end).await;
    let back = Since::now(refusal.event);
    for process in processes(&fixture) {
        let url = process.admin_url();
        eventually("/readyz is ready again", async || readiness(&url).await.0 == 200).await;
    }
    back.within(READYZ_TIMEOUT, "every service is ready again");
    talk(&mut alice, &mut bob).await;
    back.within(READYZ_TIMEOUT, "the call continues");
    sleep_until(end + REAPED_AFTER).await;
    check_logs(&fixture, refusal.event, &lines_before);
    check_metrics(&fixture).await;
    continues(Since::now(refusal.event), fixture, (alice, bob), (carol, dave)).await;
}

/// Why a condition of `/readyz` is unmet.
async fn unmet(url: &str, condition: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(&readiness(url).await.1).unwrap();
    answer["unmet"][condition].as_str().map(str::to_owned)
}

/// No process has logged much, every one has logged that it works again, and no text has the hash of a script.
fn check_logs(fixture: &Fixture, event: &str, before: &[usize]) {
    for (process, count) in processes(fixture).zip(before) {
        let (log, name) = (process.log(), process.service().name());
        let added: Vec<&str> = log.lines().skip(*count).collect();
        println!("failure: {event}: {name} logs {} lines", added.len());
        assert!(added.len() <= MAX_LINES, "{name} logs {} lines: {added:#?}", added.len());
        assert!(added.iter().any(|line| line.contains("works again after")), "{name}: {added:#?}");
        assert!(!added.iter().any(|line| has_hash(line)), "{name}: {added:#?}");
        assert!(!log.contains("of a dead edge"), "{name}: {added:#?}");
    }
}

/// No session was reaped.
async fn check_metrics(fixture: &Fixture) {
    for router in &fixture.cluster.routers {
        let metrics = http::get(&format!("{}/metrics", router.admin_url())).await.body;
        let reaped =
            metrics.lines().find(|line| line.starts_with("switchboard_router_reaped_sessions_total"));
        assert!(reaped.is_some_and(|line| line.ends_with(" 0")), "{reaped:?}");
    }
}

/// Whether a text has 40 hexadecimal digits in a row.
fn has_hash(text: &str) -> bool {
    text.split(|it: char| !it.is_ascii_hexdigit()).any(|word| word.len() == 40)
}

async fn send(fixture: &Fixture, commands: &[&str]) {
    let mut redis = redis_connection(&fixture.redis.url()).await;
    for line in commands {
        let mut command = redis::Cmd::new();
        line.split(' ').for_each(|word| {
            command.arg(word);
        });
        command.exec_async(&mut redis).await.unwrap();
    }
}

fn lines(fixture: &Fixture) -> Vec<usize> {
    processes(fixture).map(|process| process.log().lines().count()).collect()
}

fn processes(fixture: &Fixture) -> impl Iterator<Item = &Process> {
    let cluster = &fixture.cluster;
    cluster.edges.iter().chain(&cluster.routers).chain(&cluster.connectors).chain(&cluster.rests)
}
