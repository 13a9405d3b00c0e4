//! Cost of a call: CPU time in each process, and the work of Redis.
//!
//! Each figure is the difference between a long and a short run, divided by the difference in calls. The cost
//! of connecting, registering and leaving is the same in both runs and cancels out.

use crate::load::calls;
use crate::testbed::{Target, Testbed};
use crate::usage::{RedisUse, cpu_seconds};
use crate::watch::Watch;
use bench::{Bound, Report, Series};

/// Calls per second under low load. Nothing is batched then, so a call costs the most.
const LOW_RATE: f64 = 50.0;
/// Lengths of the short and the long run, in seconds.
const RUNS: [f64; 2] = [1.0, 5.0];
/// Number of pairs, unless an earlier part of the run has determined the best one.
const PAIRS: usize = 8;

/// How the calls of a run are made.
#[derive(Clone, Copy)]
struct Pace {
    pairs: usize,
    rate: Option<f64>,
}

/// A counter, either since the start of a process or per call.
struct Meter {
    what: String,
    unit: &'static str,
    value: f64,
}

/// Measures every system except Janus alone at full speed, and Switchboard under low load as well.
pub async fn measure(testbed: &Testbed, report: &mut Report) {
    let low = Pace { pairs: PAIRS, rate: Some(LOW_RATE) };
    for target in testbed.targets().iter().filter(|target| target.name != "direct") {
        let pairs = report.system(target.name).map_or(PAIRS, |system| system.pairs);
        add_figures(target, Pace { pairs, rate: None }, "at full speed", report).await;
        if target.name != "janus-cloud" {
            add_figures(target, low, "at 50 calls/s", report).await;
        }
    }
    goals(&testbed.cluster(), low, report).await;
}

async fn add_figures(target: &Target, pace: Pace, load: &str, report: &mut Report) {
    let (short, few) = run(target, pace, RUNS[0]).await;
    let (long, many) = run(target, pace, RUNS[1]).await;
    let of = format!("{}, {load}", target.name);
    for (less, more) in short.into_iter().zip(long) {
        let of_a_call = (more.value - less.value) / (many - few);
        report.figure(&of, format!("{} of a call", more.what), more.unit, Series::once(of_a_call));
    }
}

/// Resources used during a run, and the number of calls made.
async fn run(target: &Target, pace: Pace, seconds: f64) -> (Vec<Meter>, f64) {
    let before = meters(target).await;
    let count = make_calls(target, pace, seconds).await;
    let after = meters(target).await;
    let used = before.into_iter().zip(after);
    (used.map(|(start, end)| Meter { value: end.value - start.value, ..end }).collect(), count)
}

async fn make_calls(target: &Target, pace: Pace, seconds: f64) -> f64 {
    let options = [("--pairs", pace.pairs as f64), ("--seconds", seconds), ("--warm-up", 0.0)];
    let options: Vec<(&str, f64)> =
        options.into_iter().chain(pace.rate.map(|rate| ("--rate", rate))).collect();
    calls(&target.urls, &options).await.count
}

async fn meters(target: &Target) -> Vec<Meter> {
    let mut meters: Vec<Meter> = Vec::new();
    for &(name, pid) in &target.processes {
        let (what, value) = (format!("CPU time of {name}"), 1_000.0 * cpu_seconds(pid));
        match meters.iter_mut().find(|meter| meter.what == what) {
            Some(meter) => meter.value += value,
            None => meters.push(Meter { what, unit: "ms", value }),
        }
    }
    if let Some(redis) = &target.redis {
        meters.extend(meters_of(RedisUse::of(redis).await));
    }
    meters
}

fn meters_of(redis: RedisUse) -> [Meter; 4] {
    [
        ("Redis commands", "", redis.commands),
        ("stream entries", "", redis.entries),
        ("bytes to Redis", "kB", redis.received / 1_000.0),
        ("bytes from Redis", "kB", redis.sent / 1_000.0),
    ]
    .map(|(what, unit, value)| Meter { what: what.to_owned(), unit, value })
}

/// `MONITOR` is the only source that shows commands run by scripts. It slows Redis down, so these counts come
/// from separate runs.
async fn goals(cluster: &Target, pace: Pace, report: &mut Report) {
    let redis = cluster.redis.as_deref().expect("a cluster has a Redis");
    let mut runs = Vec::new();
    for seconds in RUNS {
        let watch = Watch::start(redis).await;
        let count = make_calls(cluster, pace, seconds).await;
        runs.push((watch.end().await, count));
    }
    let [(short, few), (long, many)] = runs.try_into().expect("there are two runs");
    let of_a_call = |more: u64, less: u64| Series::once((more as f64 - less as f64) / (many - few));
    let (sent, all) = (of_a_call(long.sent, short.sent), of_a_call(long.all(), short.all()));
    let entries = of_a_call(long.entries, short.entries);
    report.goal("stream entries of a call", "", entries, Bound::AtMost(20.0));
    report.goal("Redis commands of a call that services send", "", sent, Bound::AtMost(60.0));
    report.goal("Redis commands of a call with those inside scripts", "", all, Bound::AtMost(60.0));
}
