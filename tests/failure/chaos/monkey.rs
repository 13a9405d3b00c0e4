//! Breaks one process after the other, never two of a kind at once, and makes each whole again.

use super::dice::Rng;
use super::figures::Figures;
use std::time::Duration;
use testkit::{Cluster, Process};
use tokio::time::{Instant, sleep};

const EVERY: Duration = Duration::from_secs(3);
const FROZEN: Duration = Duration::from_secs(6);
/// A killed process is away for at most this long.
const LONGEST_AWAY: u64 = 2_000;

/// What is done to a process.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Kill,
    Terminate,
    Freeze,
}

/// Breaks processes of the cluster until `end`; it is whole again afterwards.
pub async fn rages(cluster: Cluster, seed: u64, end: Instant, figures: &Figures) -> Cluster {
    let Cluster { edges, routers, connectors, rests } = cluster;
    let (edges, routers, connectors) = tokio::join!(
        among(edges, Rng::of(seed, 1), Duration::ZERO, end, figures),
        among(routers, Rng::of(seed, 2), EVERY, end, figures),
        among(connectors, Rng::of(seed, 3), 2 * EVERY, end, figures),
    );
    Cluster { edges, routers, connectors, rests }
}

/// One kind of process: every third blow is for it, and the next waits until the last one is over.
async fn among(
    mut processes: Vec<Process>,
    mut dice: Rng,
    first: Duration,
    end: Instant,
    figures: &Figures,
) -> Vec<Process> {
    let mut next = Instant::now() + first;
    let mut victim = dice.below(processes.len());
    while next < end {
        tokio::time::sleep_until(next).await;
        // Never twice the same: all its clients and calls have fled to another.
        victim = (victim + 1 + dice.below(processes.len() - 1)) % processes.len();
        let blow = [Blow::Kill, Blow::Kill, Blow::Terminate, Blow::Freeze][dice.below(4)];
        let away = Duration::from_millis(dice.next() % LONGEST_AWAY);
        let process = &mut processes[victim];
        figures.blow(&format!("{blow:?} {} {victim}", process.service().name()));
        strike(process, blow, away).await;
        next = Instant::now().max(next + 3 * EVERY);
    }
    processes
}

async fn strike(process: &mut Process, blow: Blow, away: Duration) {
    match blow {
        Blow::Kill => process.kill(),
        Blow::Terminate => {
            process.terminate();
            let status = process.wait_exit().await;
            assert!(status.success(), "{} ended with {status}", process.service().name());
        }
        Blow::Freeze => {
            process.stop();
            sleep(FROZEN).await;
            process.resume();
            return process.wait_ready().await;
        }
    }
    sleep(away).await;
    process.restart().await;
}
