//! Behaviour under twice the number of calls that a cluster can serve.

use crate::load::{Calls, calls};
use crate::stage::{Stage, Way};
use crate::systems::with_pairs;
use bench::{Bound, Report, Series};
use std::time::Duration;
use tokio::time::Instant;

/// Duration of the overload in seconds.
const SECONDS: f64 = 10.0;
/// Pairs cover this many seconds of the offered load, up to a maximum, since each pair uses two sockets.
const IN_FLIGHT: f64 = 3.0;
const MOST_PAIRS: f64 = 4_000.0;
/// Number of pairs at the best throughput, unless an earlier part has determined it, and the seconds of that
/// measurement.
const PAIRS: usize = 16;
const BEST_SECONDS: f64 = 3.0;
/// Duration of one check for recovery, in seconds.
const LOOK: f64 = 0.5;
/// Ringing is normal again below this multiple of its former duration.
const NORMAL: f64 = 1.5;
/// Time limit for the recovery.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(20);

pub async fn measure(stage: &Stage, report: &mut Report) {
    let cluster = stage.cluster();
    let pairs = report.system("cluster").map_or(PAIRS, |system| system.pairs);
    let best = with_pairs(&cluster, pairs, BEST_SECONDS).await.per_second;
    let calm = with_pairs(&cluster, 1, BEST_SECONDS).await.ring;
    let stormy = twice(&cluster, best).await;
    let normal_after = normal_after(&cluster, calm).await;
    tell(best, &stormy, normal_after, report);
}

async fn twice(cluster: &Way, best: f64) -> Calls {
    let rate = (2.0 * best).round();
    let options = [
        ("--pairs", (rate * IN_FLIGHT).min(MOST_PAIRS)),
        ("--rate", rate),
        ("--seconds", SECONDS),
        ("--warm-up", 1.0),
    ];
    calls(&cluster.urls, &options).await
}

/// Returns the seconds until ringing takes no longer than before.
async fn normal_after(cluster: &Way, calm: f64) -> f64 {
    let began = Instant::now();
    loop {
        let at = began.elapsed();
        let ring = with_pairs(cluster, 1, LOOK).await.ring;
        if ring <= calm * NORMAL || at > RECOVERY_TIMEOUT {
            return at.as_secs_f64();
        }
    }
}

fn tell(best: f64, stormy: &Calls, normal_after: f64, report: &mut Report) {
    let kept = Series::once(100.0 * stormy.per_second / best);
    let slowest = |of: &str| Series::once(stormy.report[of]["max"].as_f64().unwrap_or_default() / 1_000.0);
    let silent = stormy.failed_with("no answer");
    for (what, count) in stormy.failures() {
        report.figure("cluster, offered twice its best", what, "", Series::once(count));
    }
    report.goal("calls/s when offered twice its best", "%", kept, Bound::AtLeast(80.0));
    report.goal("slowest ring meanwhile", "s", slowest("ring_ms"), Bound::Below(2.0));
    report.goal("slowest refusal meanwhile", "s", slowest("refused_ms"), Bound::Below(2.0));
    report.goal("calls meanwhile that nobody answers", "", Series::once(silent), Bound::AtMost(0.0));
    report.goal("normal again after", "s", Series::once(normal_after), Bound::Below(5.0));
}
