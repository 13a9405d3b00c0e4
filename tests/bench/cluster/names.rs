//! The influence of the number of registered names: two clusters side by side, one with few names, one with
//! many.

use crate::settings::Settings;
use crate::stage::{Stage, Way, plan, way};
use crate::systems::with_pairs;
use crate::usage::connection;
use bench::{Bound, Report, Series};
use testkit::Redis;

const FEW: usize = 100;
/// Names written in one batch.
const BATCH: usize = 5_000;
/// Number of pairs, unless an earlier part of the run has determined the best one.
const PAIRS: usize = 16;

/// Results of one of the two clusters.
#[derive(Default)]
struct Found {
    ring: Series,
    rate: Series,
}

/// Measures both clusters alternately, several times.
pub async fn measure(stage: &Stage, settings: &Settings, report: &mut Report) {
    let redis = Redis::start().await;
    let cluster = plan(&redis, &stage.janus).start().await;
    register(&stage.redis, FEW).await;
    register(&redis, settings.names).await;
    let ways = [stage.cluster(), way("cluster with many names", &cluster, &redis)];
    let pairs = report.system("cluster").map_or(PAIRS, |system| system.pairs);
    let mut found = [Found::default(), Found::default()];
    for _ in 0..settings.rounds {
        for (way, found) in ways.iter().zip(&mut found) {
            turn(way, pairs, settings.seconds, found).await;
        }
    }
    tell(settings.names, &found, report);
}

async fn turn(way: &Way, pairs: usize, seconds: f64, found: &mut Found) {
    found.ring.push(with_pairs(way, 1, seconds).await.ring);
    found.rate.push(with_pairs(way, pairs, seconds).await.per_second);
}

fn tell(names: usize, [few, many]: &[Found; 2], report: &mut Report) {
    for (found, count) in [(few, FEW), (many, names)] {
        report.figure("cluster", format!("ring, one pair, {count} names"), "ms", found.ring.clone());
        report.figure("cluster", format!("calls/s, {count} names"), "", found.rate.clone());
    }
    let [ring, rate] = [many.ring.over(&few.ring), many.rate.over(&few.rate)];
    report.goal(format!("ring with {names} names, with {FEW} it is 1"), "×", ring, Bound::AtMost(1.1));
    report.goal(format!("calls/s with {names} names, with {FEW} it is 1"), "×", rate, Bound::AtLeast(0.9));
}

/// Writes names into the directory as if an edge elsewhere had registered them.
async fn register(redis: &Redis, count: usize) {
    let mut connection = connection(&redis.url()).await;
    for first in (0..count).step_by(BATCH) {
        let mut batch = redis::pipe();
        for number in first..count.min(first + BATCH) {
            let name = format!("somebody_{number}");
            let key = format!("januscloud:videocall_users:{name}");
            let handle = format!("{}:{}", 1_000_000_000 + number, 2_000_000_000 + number);
            let fields = [
                ("username", name.as_str()),
                ("incall", "0"),
                ("peer_name", ""),
                ("proxy_uuid", "switchboard"),
                ("ctime", "1795355906.254"),
                ("utime", "1795355906.254"),
                ("sb_edge", "edge-elsewhere"),
                ("sb_handle", handle.as_str()),
            ];
            batch.hset_multiple(key, &fields).ignore();
        }
        batch.exec_async(&mut connection).await.unwrap();
    }
}
