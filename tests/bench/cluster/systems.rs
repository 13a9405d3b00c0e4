//! Time to ring and calls per second of each system, measured in turn and repeatedly.

use crate::load::{Calls, calls};
use crate::settings::Settings;
use crate::testbed::{Target, Testbed};
use bench::{Bound, Report, Series, System};

/// Numbers of pairs to try.
const PAIRS: [usize; 6] = [4, 8, 16, 32, 64, 128];
/// Numbers of pairs at which janus-cloud has its best throughput.
const JANUS_CLOUD_PAIRS: [usize; 2] = [4, 8];
/// Seconds of a trial of one number of pairs.
const TRIAL: f64 = 1.5;
/// Seconds of warm-up before calls are counted.
const WARM_UP: f64 = 0.5;

/// Measures all four systems and compares them.
pub async fn measure(testbed: &Testbed, settings: &Settings, report: &mut Report) {
    let targets = testbed.targets();
    let mut systems = Vec::new();
    for target in &targets {
        systems.push(system(target.name, best_pairs(target).await));
    }
    for round in 1..=settings.rounds {
        for (target, system) in targets.iter().zip(&mut systems) {
            measure_round(target, system, settings.seconds).await;
            let [rate, ring] = [&system.rate, &system.ring].map(|it| it.latest());
            eprintln!("round {round}: {:<11} {rate:7.0} calls/s, rings after {ring:.2} ms", target.name);
        }
    }
    report.systems = systems;
    goals(report);
}

fn system(name: &'static str, pairs: usize) -> System {
    let (rate, ring, ring_late) = Default::default();
    System { name, pairs, rate, ring, ring_late }
}

async fn measure_round(target: &Target, system: &mut System, seconds: f64) {
    let alone = with_pairs(target, 1, seconds).await;
    system.ring.push(alone.ring);
    system.ring_late.push(alone.ring_late);
    system.rate.push(with_pairs(target, system.pairs, seconds).await.per_second);
}

/// As many calls as these pairs can make.
pub async fn with_pairs(target: &Target, pairs: usize, seconds: f64) -> Calls {
    let result =
        calls(&target.urls, &[("--pairs", pairs as f64), ("--seconds", seconds), ("--warm-up", WARM_UP)])
            .await;
    if result.failed() > 0.0 {
        eprintln!("{} with {pairs} pairs: {}", target.name, result.report["errors"]);
    }
    result
}

/// Returns the number of pairs with the most calls per second.
async fn best_pairs(target: &Target) -> usize {
    let tried = if target.name == "janus-cloud" { &JANUS_CLOUD_PAIRS[..] } else { &PAIRS };
    let (mut best, mut most) = (tried[0], 0.0);
    for &pairs in tried {
        let rate = with_pairs(target, pairs, TRIAL).await.per_second;
        if rate > most {
            (best, most) = (pairs, rate);
        }
    }
    eprintln!("{}: {best} pairs, about {most:.0} calls/s", target.name);
    best
}

fn goals(report: &mut Report) {
    let series =
        |name: &str, of: fn(&System) -> &Series| report.system(name).map(of).cloned().unwrap_or_default();
    let (rate, ring) = (|name| series(name, |it| &it.rate), |name| series(name, |it| &it.ring));
    let (janus_cloud, direct) = (rate("janus-cloud"), ring("direct"));
    let ratios = ["cluster", "standalone"].map(|name| rate(name).over(&janus_cloud));
    let delays = ["cluster", "standalone"].map(|name| ring(name).above(&direct));
    let [cluster_ratio, standalone_ratio] = ratios;
    report.goal(
        "calls/s of a cluster, janus-cloud with two proxies is 1",
        "×",
        cluster_ratio,
        Bound::AtLeast(20.0),
    );
    report.goal("calls/s of standalone, the same", "×", standalone_ratio, Bound::AtLeast(40.0));
    let [cluster_delay, standalone_delay] = delays;
    report.goal("ring above direct, one pair, cluster", "ms", cluster_delay, Bound::AtMost(1.0));
    report.goal("ring above direct, one pair, standalone", "ms", standalone_delay, Bound::AtMost(0.3));
}
