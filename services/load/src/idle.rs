//! `load idle` and `load storm`: clients that are connected and do nothing, and reconnect when their connections break.
//! In a storm all connect at once, and all reconnect at once.

use crate::clients::Run;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorCounts};
use crate::options::{Idle, Storm};
use crate::output::{LatencyHistogram, Output, print_json};
use crate::population::ClientCounts;
use serde::Serialize;
use service::CancellationToken;

/// The line that is printed when all clients are connected.
#[derive(Serialize)]
struct Ready {
    what: &'static str,
    clients: usize,
    ready: usize,
    seconds: f64,
    errors: ErrorCounts,
}

/// The line that is printed at the end of `load idle`.
#[derive(Serialize)]
struct IdleReport<'a> {
    what: &'static str,
    urls: &'a [Endpoint],
    clients: usize,
    ready: usize,
    ready_seconds: f64,
    connected_at_end: usize,
    lost_sockets: u64,
    claims: u64,
    claim_ms: LatencyHistogram,
    last_claim_seconds: Option<f64>,
    errors: ErrorCounts,
}

/// The line that is printed at the end of a storm.
#[derive(Serialize)]
struct StormReport<'a> {
    what: &'static str,
    urls: &'a [Endpoint],
    clients: usize,
    ready: usize,
    register_seconds: f64,
    claims: u64,
    claim_seconds: Option<f64>,
    ready_ms: LatencyHistogram,
    claim_ms: LatencyHistogram,
    errors: ErrorCounts,
}

/// Runs idle clients until the time is over or `stop` is cancelled. Prints a line once they are connected, and one at the
/// end.
pub async fn run_idle(options: &Idle, out: &Output, stop: CancellationToken) -> Result<(), Error> {
    let Idle { target, client_options, per_second, seconds } = options;
    let run = Run::start(target, client_options, *per_second, &stop).await?;
    let (population, clients) = (&run.pool.population, client_options.clients);
    let errors = population.errors();
    let ready = Ready { what: "ready", clients, ready: run.ready, seconds: run.seconds, errors };
    print_json(out, &ready, &stop).await?;
    run.hold(seconds.0, &stop).await;
    let connected_at_end = population.counts().connected;
    let recovery = population.take();
    let report = IdleReport {
        what: "idle",
        urls: &target.urls,
        clients,
        ready: run.ready,
        ready_seconds: run.seconds,
        connected_at_end,
        last_claim_seconds: recovery.recovery_seconds(),
        lost_sockets: recovery.lost,
        claims: recovery.claims,
        claim_ms: recovery.claim,
        errors: recovery.errors,
    };
    print_json(out, &report, &stop).await?;
    run.shut_down().await;
    Ok(())
}

/// Connects all clients at once, makes them drop their connections at once, waits until all are back, and prints a line.
pub async fn run_storm(options: &Storm, out: &Output, stop: CancellationToken) -> Result<(), Error> {
    let Storm { target, client_options, seconds } = options;
    let run = Run::start(target, client_options, None, &stop).await?;
    let population = &run.pool.population;
    if !seconds.0.is_zero() {
        run.hold(seconds.0, &stop).await;
    }
    let before = population.counts();
    run.pool.drop_connections();
    let all_are_back = |counts: &ClientCounts| counts.returned >= before.returned + before.connected;
    run.with_progress(population.wait_until(all_are_back), &stop).await;
    let recovery = population.take();
    let report = StormReport {
        what: "storm",
        urls: &target.urls,
        clients: client_options.clients,
        ready: run.ready,
        register_seconds: run.seconds,
        claims: recovery.claims,
        claim_seconds: recovery.recovery_seconds(),
        ready_ms: recovery.ready,
        claim_ms: recovery.claim,
        errors: recovery.errors,
    };
    print_json(out, &report, &stop).await?;
    run.shut_down().await;
    Ok(())
}
