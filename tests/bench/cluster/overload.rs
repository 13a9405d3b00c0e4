//! Behaviour under twice the number of calls that a cluster can serve.

use crate::load::{Calls, calls};
use crate::systems::with_pairs;
use crate::testbed::{Target, Testbed};
use bench::{Bound, Report, Series};
use std::time::Duration;
use tokio::time::Instant;

/// Duration of the overload in seconds.
const SECONDS: f64 = 10.0;
/// Pairs cover this many seconds of the offered load, up to a maximum, since each pair uses two sockets.
const IN_FLIGHT: f64 = 3.0;
const MAX_PAIRS: f64 = 4_000.0;
/// Number of pairs at the best throughput, unless an earlier part has determined it, and the seconds of that
/// measurement.
const PAIRS: usize = 16;
const BEST_SECONDS: f64 = 3.0;
/// Duration of one check for recovery, in seconds.
const CHECK_SECONDS: f64 = 0.5;
/// Ringing is normal again below this multiple of its former duration.
const NORMAL: f64 = 1.5;
/// Time limit for the recovery.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(20);

pub async fn measure(testbed: &Testbed, report: &mut Report) {
    let cluster = testbed.cluster();
    let pairs = report.system("cluster").map_or(PAIRS, |system| system.pairs);
    let best = with_pairs(&cluster, pairs, BEST_SECONDS).await.per_second;
    let normal_ring = with_pairs(&cluster, 1, BEST_SECONDS).await.ring;
    let overloaded = offer_twice(&cluster, best).await;
    let recovery = recovery_seconds(&cluster, normal_ring).await;
    add_figures(best, &overloaded, recovery, report);
}

async fn offer_twice(cluster: &Target, best: f64) -> Calls {
    let rate = (2.0 * best).round();
    let options = [
        ("--pairs", (rate * IN_FLIGHT).min(MAX_PAIRS)),
        ("--rate", rate),
        ("--seconds", SECONDS),
        ("--warm-up", 1.0),
    ];
    calls(&cluster.urls, &options).await
}

/// Returns the seconds until ringing takes no longer than before.
async fn recovery_seconds(cluster: &Target, normal_ring: f64) -> f64 {
    let began = Instant::now();
    loop {
        let at = began.elapsed();
        let ring = with_pairs(cluster, 1, CHECK_SECONDS).await.ring;
        if ring <= normal_ring * NORMAL || at > RECOVERY_TIMEOUT {
            return at.as_secs_f64();
        }
    }
}

fn add_figures(best: f64, overloaded: &Calls, recovery: f64, report: &mut Report) {
    let kept = Series::once(100.0 * overloaded.per_second / best);
    let slowest =
        |of: &str| Series::once(overloaded.report[of]["max"].as_f64().unwrap_or_default() / 1_000.0);
    let unanswered = overloaded.failed_with("no answer");
    for (what, count) in overloaded.failures() {
        report.figure("cluster, offered twice its best", what, "", Series::once(count));
    }
    report.goal("calls/s when offered twice its best", "%", kept, Bound::AtLeast(80.0));
    report.goal("slowest ring during the overload", "s", slowest("ring_ms"), Bound::Below(2.0));
    report.goal("slowest refusal during the overload", "s", slowest("refused_ms"), Bound::Below(2.0));
    report.goal("unanswered calls during the overload", "", Series::once(unanswered), Bound::AtMost(0.0));
    report.goal("normal again after", "s", Series::once(recovery), Bound::Below(5.0));
}
