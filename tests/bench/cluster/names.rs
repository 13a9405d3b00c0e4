//! The influence of the number of registered names: two clusters side by side, one with few names, one with
//! many.

use crate::settings::Settings;
use crate::systems::with_pairs;
use crate::testbed::{Target, Testbed, plan, target};
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
struct Results {
    ring: Series,
    rate: Series,
}

/// Measures both clusters alternately, several times.
pub async fn measure(testbed: &Testbed, settings: &Settings, report: &mut Report) {
    let redis = Redis::start().await;
    let cluster = plan(&redis, &testbed.janus).start().await;
    register(&testbed.redis, FEW).await;
    register(&redis, settings.names).await;
    let targets = [testbed.cluster(), target("cluster with many names", &cluster, &redis)];
    let pairs = report.system("cluster").map_or(PAIRS, |system| system.pairs);
    let mut results = [Results::default(), Results::default()];
    for _ in 0..settings.rounds {
        for (target, result) in targets.iter().zip(&mut results) {
            measure_round(target, pairs, settings.seconds, result).await;
        }
    }
    add_figures(settings.names, &results, report);
}

async fn measure_round(target: &Target, pairs: usize, seconds: f64, results: &mut Results) {
    results.ring.push(with_pairs(target, 1, seconds).await.ring);
    results.rate.push(with_pairs(target, pairs, seconds).await.per_second);
}

fn add_figures(names: usize, [few, many]: &[Results; 2], report: &mut Report) {
    for (results, count) in [(few, FEW), (many, names)] {
        report.figure("cluster", format!("ring, one pair, {count} names"), "ms", results.ring.clone());
        report.figure("cluster", format!("calls/s, {count} names"), "", results.rate.clone());
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
            let name = format!("user_{number}");
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
