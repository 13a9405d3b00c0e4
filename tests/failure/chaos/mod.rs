//! Chaos: pairs call each other all the time, while every three seconds a process is killed, stopped or
//! frozen. Every request ends in an answer or an error, and every call ends on both sides. No session is lost,
//! and nothing is left at the end. Meanwhile a hostile client makes ten attacks a second.
//!
//! `make chaos` runs it longer, with `CHAOS_SECONDS`, `CHAOS_PAIRS` and `CHAOS_SEED`. The seed determines the
//! order and the kind of the faults. Their exact moment and effect depend on the machine.

mod attacker;
mod client;
mod monkey;
mod pair;
mod report;

use crate::fixture::{leftovers, redis_connection};
use client::ChaosClient;
use pair::Pair;
use report::Report;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testkit::{Cluster, Janus, Redis, Service, becomes_true};
use tokio::sync::{Barrier, watch};
use tokio::time::Instant;

const SECONDS: u64 = 25;
const PAIRS: u64 = 10;
/// A session whose edge died before the client received its id stays until its claim window ends. It takes a
/// while until the edge counts as dead.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(25);
const GRACE: &str = "--reclaim-timeout=15";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_survive_random_faults() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = setting("CHAOS_SEED", u64::from(now));
    let (seconds, pairs) = (setting("CHAOS_SECONDS", SECONDS), setting("CHAOS_PAIRS", PAIRS));
    println!("failure: chaos: CHAOS_SEED={seed}, {pairs} pairs, {seconds} s");
    let redis = Redis::start().await;
    let janus = [Janus::start().await, Janus::start().await];
    let plan = Cluster::new(&redis).edges(2).routers(2).connectors(2).with(Service::Edge, GRACE);
    let plan = plan.with(Service::Edge, "--drain-timeout=4");
    let cluster = plan.backend("a", &janus[0]).backend("b", &janus[1]).start().await;

    let report = Arc::new(Report::new(&redis.url()));
    let edge_urls = vec![cluster.edge_url(0), cluster.edge_url(1)];
    let end = Instant::now() + Duration::from_secs(seconds);
    let (quiet, is_quiet) = watch::channel(false);
    let mut tasks = Vec::new();
    for number in 0..pairs {
        let (edge_urls, report, is_quiet) = (edge_urls.clone(), report.clone(), is_quiet.clone());
        tasks.push(tokio::spawn(async move {
            let mut pair = start_pair(number, edge_urls, report).await;
            pair.call_until(end).await;
            pair.wait_for_quiet(is_quiet).await;
            pair.call_once_quiet().await;
            tokio::join!(pair.alice.leave(), pair.bob.leave());
        }));
    }
    let attack = attacker::run(edge_urls, seed, end, &report);
    let (cluster, ()) = tokio::join!(monkey::run(cluster, seed, end, &report), attack);
    quiet.send(true).unwrap();
    for pair in tasks {
        pair.await.unwrap();
    }
    println!("{report}");
    assert_eq!(report.violations(), [""; 0], "CHAOS_SEED={seed}");
    assert!(report.calls() as u64 > 2 * pairs, "too few calls succeeded");
    expect_nothing_left(&redis, &janus).await;
    drop(cluster);
}

async fn start_pair(number: u64, edge_urls: Vec<String>, report: Arc<Report>) -> Pair {
    let [caller, callee] = ["caller", "callee"].map(|it| format!("{it} {number}"));
    let edge = usize::try_from(number % 2).unwrap();
    let alice = ChaosClient::start(caller, edge_urls.clone(), edge, report.clone()).await;
    let bob = ChaosClient::start(callee, edge_urls, 1 - edge, report.clone()).await;
    Pair { alice, bob, report, both: Barrier::new(2) }
}

/// Neither on Janus nor in Redis, once unfinished operations have timed out.
async fn expect_nothing_left(redis: &Redis, janus: &[Janus]) {
    let mut left = Vec::new();
    let is_clean = becomes_true(CLEANUP_TIMEOUT, async || {
        left = find_leftovers(redis, janus).await;
        left.is_empty()
    });
    assert!(is_clean.await, "left behind: {left:?}");
}

async fn find_leftovers(redis: &Redis, janus: &[Janus]) -> Vec<String> {
    let url = redis.url();
    let mut left = leftovers(&url).await;
    for server in janus {
        let handles = server.admin().await.all_handles().await;
        left.extend((handles > 0).then(|| format!("{handles} handles on {}", server.url())));
    }
    let mut connection = redis_connection(&url).await;
    for queue in ["sb:{requests:0}", "sb:{requests:1}"] {
        let (count, ..): (u64, redis::Value, redis::Value, redis::Value) =
            redis::cmd("XPENDING").arg(queue).arg("workers").query_async(&mut connection).await.unwrap();
        left.extend((count > 0).then(|| format!("{count} pending in {queue}")));
    }
    let dead: redis::Value =
        redis::cmd("XRANGE").arg("sb:dead").arg("-").arg("+").query_async(&mut connection).await.unwrap();
    left.extend((dead != redis::Value::Array(Vec::new())).then(|| format!("dead: {dead:?}")));
    left
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
