//! `load idle`: clients that are there, and come back when their connections break.

use crate::door::Door;
use crate::error::Error;
use crate::errors::Errors;
use crate::gathering::Gathering;
use crate::options::Idle;
use crate::report;
use crate::times::Times;
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
    errors: Errors,
}

/// What is printed at the end.
#[derive(Serialize)]
struct Report<'a> {
    what: &'static str,
    urls: &'a [Door],
    clients: usize,
    ready: usize,
    ready_seconds: f64,
    there_at_the_end: usize,
    lost_sockets: u64,
    claims: u64,
    claim_ms: Times,
    last_claim_seconds: Option<f64>,
    errors: Errors,
}

/// Has clients there until the time is over or `stop` says so; prints a line when they are, and one at the end.
pub async fn run(options: &Idle, out: &mut dyn Write, stop: CancellationToken) -> Result<(), Error> {
    let Idle { target, members, per_second, seconds } = options;
    let gathering = Gathering::of(target, members, *per_second, &stop).await?;
    let (attendance, clients) = (&gathering.crowd.attendance, members.clients);
    let (ready, took) = (gathering.ready, gathering.seconds);
    let errors = attendance.errors();
    report::print(out, &Ready { what: "ready", clients, ready, seconds: took, errors })?;
    gathering.stays(seconds.0, &stop).await;
    let there_at_the_end = attendance.heads().there;
    let account = attendance.take();
    let report = Report {
        what: "idle",
        urls: &target.urls,
        clients,
        ready,
        ready_seconds: took,
        there_at_the_end,
        last_claim_seconds: account.recovery(),
        lost_sockets: account.lost,
        claims: account.claims,
        claim_ms: account.claim,
        errors: account.errors,
    };
    report::print(out, &report)?;
    gathering.part().await;
    Ok(())
}
