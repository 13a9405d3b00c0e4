//! `load idle`: clients that are connected and do nothing, and reconnect when their connections break.

use crate::clients::Run;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorCounts};
use crate::histogram::LatencyHistogram;
use crate::options::Idle;
use crate::output::print_json;
use serde::Serialize;
use service::CancellationToken;
use std::io::Write;

/// The line that is printed when all clients are connected.
#[derive(Serialize)]
struct Ready {
    what: &'static str,
    clients: usize,
    ready: usize,
    seconds: f64,
    errors: ErrorCounts,
}

/// The line that is printed at the end.
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

/// Runs idle clients until the time is over or `stop` is cancelled. Prints a line once they are connected, and one at the
/// end.
pub async fn run(options: &Idle, out: &mut dyn Write, stop: CancellationToken) -> Result<(), Error> {
    let Idle { target, client_options, per_second, seconds } = options;
    let run = Run::start(target, client_options, *per_second, &stop).await?;
    let (population, clients) = (&run.pool.population, client_options.clients);
    let errors = population.errors();
    print_json(out, &Ready { what: "ready", clients, ready: run.ready, seconds: run.seconds, errors })?;
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
    print_json(out, &report)?;
    run.shut_down().await;
    Ok(())
}
