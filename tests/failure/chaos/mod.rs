//! Chaos: pairs that call all the time, while every three seconds some process is killed, stopped or frozen.
//! Every request ends in an answer or an error, every call ends on both sides, no session is lost, and
//! afterwards nothing is left.
//!
//! `make chaos` runs it longer; `CHAOS_SECONDS`, `CHAOS_PAIRS` and `CHAOS_SEED` say how. The blows are those
//! of the seed, in the order and kind; when exactly each hits, and what it hits, is up to the machine.

mod dice;
mod figures;
mod monkey;
mod pair;
mod person;

use crate::fixture::{leftovers, redis_connection};
use figures::Figures;
use pair::Pair;
use person::ChaosClient;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testkit::{Cluster, Janus, Redis, Service, becomes_true};
use tokio::sync::{Barrier, watch};
use tokio::time::Instant;

const SECONDS: u64 = 25;
const PAIRS: u64 = 10;
/// A session that was opened under an edge that died before its client heard of it lives for the time it
/// could be claimed in, and its edge is silent for a while before anybody notices.
const SETTLED: Duration = Duration::from_secs(25);
const GRACE: &str = "--reclaim-timeout=15";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_calls_while_everything_breaks() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = setting("CHAOS_SEED", u64::from(now));
    let (seconds, pairs) = (setting("CHAOS_SECONDS", SECONDS), setting("CHAOS_PAIRS", PAIRS));
    println!("failure: chaos: CHAOS_SEED={seed}, {pairs} pairs, {seconds} s");
    let redis = Redis::start().await;
    let janus = [Janus::start().await, Janus::start().await];
    let plan = Cluster::new(&redis).edges(2).routers(2).connectors(2).with(Service::Edge, GRACE);
    let plan = plan.with(Service::Edge, "--drain-timeout=4");
    let cluster = plan.backend("a", &janus[0]).backend("b", &janus[1]).start().await;

    let figures = Arc::new(Figures::new(&redis.url()));
    let doors = vec![cluster.edge_url(0), cluster.edge_url(1)];
    let end = Instant::now() + Duration::from_secs(seconds);
    let (peace, is_peaceful) = watch::channel(false);
    let mut calling = Vec::new();
    for number in 0..pairs {
        let (doors, figures, is_peaceful) = (doors.clone(), figures.clone(), is_peaceful.clone());
        calling.push(tokio::spawn(async move {
            let mut pair = enter(number, doors, figures).await;
            pair.keeps_calling(end).await;
            pair.waits(is_peaceful).await;
            pair.calls_in_peace().await;
            tokio::join!(pair.alice.leave(), pair.bob.leave());
        }));
    }
    let cluster = monkey::rages(cluster, seed, end, &figures).await;
    peace.send(true).unwrap();
    for pair in calling {
        pair.await.unwrap();
    }
    println!("{figures}");
    assert_eq!(figures.faults(), [""; 0], "CHAOS_SEED={seed}");
    assert!(figures.calls() as u64 > 2 * pairs, "hardly anybody could call");
    nothing_is_left(&redis, &janus).await;
    drop(cluster);
}

async fn enter(number: u64, doors: Vec<String>, figures: Arc<Figures>) -> Pair {
    let [caller, callee] = ["caller", "callee"].map(|it| format!("{it} {number}"));
    let door = usize::try_from(number % 2).unwrap();
    let alice = ChaosClient::enter(caller, doors.clone(), door, figures.clone()).await;
    let bob = ChaosClient::enter(callee, doors, 1 - door, figures.clone()).await;
    Pair { alice, bob, figures, both: Barrier::new(2) }
}

/// Neither on Janus nor in Redis, once what somebody began and could not finish has timed out.
async fn nothing_is_left(redis: &Redis, janus: &[Janus]) {
    let mut left = Vec::new();
    let is_clean = becomes_true(SETTLED, async || {
        left = what_is_left(redis, janus).await;
        left.is_empty()
    });
    assert!(is_clean.await, "this is left: {left:?}");
}

async fn what_is_left(redis: &Redis, janus: &[Janus]) -> Vec<String> {
    let url = redis.url();
    let mut left = leftovers(&url).await;
    for janus in janus {
        let handles = janus.admin().await.all_handles().await;
        left.extend((handles > 0).then(|| format!("{handles} handles on {}", janus.url())));
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

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
