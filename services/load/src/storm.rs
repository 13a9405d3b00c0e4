//! `load storm`: clients that all connect at once, and all reconnect at once.

use crate::clients::Run;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorCounts};
use crate::histogram::LatencyHistogram;
use crate::options::Storm;
use crate::output::print_json;
use crate::population::ClientCounts;
use serde::Serialize;
use service::CancellationToken;
use std::io::Write;

/// The line that is printed at the end.
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

/// Connects all clients at once, makes them drop their connections at once, waits until all are back, and prints a line.
pub async fn run(options: &Storm, out: &mut dyn Write, stop: CancellationToken) -> Result<(), Error> {
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
    print_json(out, &report)?;
    run.shut_down().await;
    Ok(())
}
