//! Cost of registered idle clients on an edge without other clients.

use crate::load::{Load, errors, number};
use crate::settings::Settings;
use crate::testbed::Testbed;
use crate::usage::{cpu_seconds, memory};
use bench::{Bound, Report, Series};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Clients that connect per second.
const ARRIVALS: f64 = 1_000.0;
/// Seconds of observation while the clients are idle. Each client receives a ping within this time.
const OBSERVATION: Duration = Duration::from_secs(30);
/// Seconds that the clients stay after all of them have connected.
const STAY: f64 = 35.0;

pub async fn measure(testbed: &Testbed, settings: &Settings, report: &mut Report) {
    let edge = testbed.fresh_edge().await;
    let empty = memory(edge.pid());
    let options = [("--clients", settings.clients as f64), ("--per-second", ARRIVALS), ("--seconds", STAY)];
    let mut load = Load::start("idle", &[edge.url()], &options);
    let ready = load.line().await;
    let fresh = memory(edge.pid());
    let share = share_of_a_core(edge.pid()).await;
    let full = memory(edge.pid());
    let failed = errors(&load.line().await);
    load.end().await;
    let (clients, of_one) = (settings.clients, (full - empty) / number(&ready["ready"]) / 1_000.0);
    report.figure("edge", "memory without clients", "MB", Series::once(empty / 1e6));
    report.figure(
        "edge",
        format!("memory, {clients} clients just registered"),
        "MB",
        Series::once(fresh / 1e6),
    );
    report.figure("edge", format!("memory, {clients} idle clients"), "MB", Series::once(full / 1e6));
    report.figure("edge", format!("errors of {clients} idle clients"), "", Series::once(failed));
    report.goal(
        format!("memory of one of {clients} idle clients"),
        "kB",
        Series::once(of_one),
        Bound::AtMost(10.0),
    );
    report.goal(
        format!("share of a core, {clients} idle clients"),
        "%",
        Series::once(share),
        Bound::Below(2.0),
    );
}

/// In percent of one core.
async fn share_of_a_core(pid: u32) -> f64 {
    let (before, began) = (cpu_seconds(pid), Instant::now());
    sleep(OBSERVATION).await;
    100.0 * (cpu_seconds(pid) - before) / began.elapsed().as_secs_f64()
}
