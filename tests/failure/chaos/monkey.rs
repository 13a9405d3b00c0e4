//! Breaks one process after the other, never two of a kind at once, and restores each.

use super::report::Report;
use std::time::Duration;
use testkit::{Cluster, Process, Rng};
use tokio::time::{Instant, sleep};

const EVERY: Duration = Duration::from_secs(3);
const FROZEN: Duration = Duration::from_secs(6);
/// The longest time until a killed process is restarted, in milliseconds.
const LONGEST_AWAY: u64 = 2_000;

#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Terminate,
    Freeze,
}

/// Breaks processes of the cluster until `end`. All of them run again afterwards.
pub async fn run(cluster: Cluster, seed: u64, end: Instant, report: &Report) -> Cluster {
    let Cluster { edges, routers, connectors, rests } = cluster;
    let (edges, routers, connectors) = tokio::join!(
        break_one_kind(edges, Rng::stream(seed, 1), Duration::ZERO, end, report),
        break_one_kind(routers, Rng::stream(seed, 2), EVERY, end, report),
        break_one_kind(connectors, Rng::stream(seed, 3), 2 * EVERY, end, report),
    );
    Cluster { edges, routers, connectors, rests }
}

/// Breaks processes of one kind, at every third interval. A fault starts only after the previous one is over.
async fn break_one_kind(
    mut processes: Vec<Process>,
    mut rng: Rng,
    first: Duration,
    end: Instant,
    report: &Report,
) -> Vec<Process> {
    let mut next = Instant::now() + first;
    let mut victim = rng.below(processes.len());
    while next < end {
        tokio::time::sleep_until(next).await;
        // Never the same process twice, since its clients and calls have moved to another one.
        victim = (victim + 1 + rng.below(processes.len() - 1)) % processes.len();
        let fault = [Fault::Kill, Fault::Kill, Fault::Terminate, Fault::Freeze][rng.below(4)];
        let away = Duration::from_millis(rng.next_u64() % LONGEST_AWAY);
        let process = &mut processes[victim];
        report.fault(&format!("{fault:?} {} {victim}", process.service().name()));
        inject(process, fault, away).await;
        next = Instant::now().max(next + 3 * EVERY);
    }
    processes
}

async fn inject(process: &mut Process, fault: Fault, away: Duration) {
    match fault {
        Fault::Kill => process.kill(),
        Fault::Terminate => {
            process.terminate();
            let status = process.wait_exit().await;
            assert!(status.success(), "{} ended with {status}", process.service().name());
        }
        Fault::Freeze => {
            process.stop();
            sleep(FROZEN).await;
            process.resume();
            return process.wait_ready().await;
        }
    }
    sleep(away).await;
    process.restart().await;
}
