//! `load idle`: clients that are there, and come back when their connections break.

use crate::door::Endpoint;
use crate::error::Error;
use crate::errors::ErrorCounts;
use crate::gathering::Run;
use crate::options::Idle;
use crate::report;
use crate::times::LatencyHistogram;
use serde::Serialize;
use service::CancellationToken;
use std::io::Write;

/// What is printed when all are there.
#[derive(Serialize)]
struct Ready {
    what: &'static str,
    clients: usize,
    ready: usize,
    seconds: f64,
    errors: ErrorCounts,
}

/// What is printed at the end.
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

/// Has clients there until the time is over or `stop` says so; prints a line when they are, and one at the end.
pub async fn run(options: &Idle, out: &mut dyn Write, stop: CancellationToken) -> Result<(), Error> {
    let Idle { target, client_options: members, per_second, seconds } = options;
    let gathering = Run::start(target, members, *per_second, &stop).await?;
    let (attendance, clients) = (&gathering.pool.population, members.clients);
    let (ready, took) = (gathering.ready, gathering.seconds);
    let errors = attendance.errors();
    report::print_json(out, &Ready { what: "ready", clients, ready, seconds: took, errors })?;
    gathering.hold(seconds.0, &stop).await;
    let there_at_the_end = attendance.counts().connected;
    let account = attendance.take();
    let report = IdleReport {
        what: "idle",
        urls: &target.urls,
        clients,
        ready,
        ready_seconds: took,
        connected_at_end: there_at_the_end,
        last_claim_seconds: account.recovery_seconds(),
        lost_sockets: account.lost,
        claims: account.claims,
        claim_ms: account.claim,
        errors: account.errors,
    };
    report::print_json(out, &report)?;
    gathering.shut_down().await;
    Ok(())
}
