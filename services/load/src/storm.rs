//! `load storm`: clients that come all at once, and come back all at once.

use crate::attendance::Heads;
use crate::door::Door;
use crate::error::Error;
use crate::errors::Errors;
use crate::gathering::Gathering;
use crate::options::Storm;
use crate::report;
use crate::times::Times;
use serde::Serialize;
use service::CancellationToken;
use std::io::Write;

/// What is printed at the end.
#[derive(Serialize)]
struct Report<'a> {
    what: &'static str,
    urls: &'a [Door],
    clients: usize,
    ready: usize,
    register_seconds: f64,
    claims: u64,
    claim_seconds: Option<f64>,
    ready_ms: Times,
    claim_ms: Times,
    errors: Errors,
}

/// Has clients come all at once, drop their connections all at once, and come back; prints a line.
pub async fn run(options: &Storm, out: &mut dyn Write, stop: CancellationToken) -> Result<(), Error> {
    let Storm { target, members, seconds } = options;
    let gathering = Gathering::of(target, members, None, &stop).await?;
    let (crowd, clients) = (&gathering.crowd, members.clients);
    if !seconds.0.is_zero() {
        gathering.stays(seconds.0, &stop).await;
    }
    let expected = crowd.attendance.heads();
    crowd.drop_connections();
    let all = |heads: &Heads| heads.back >= expected.back + expected.there;
    gathering.watched(crowd.attendance.until(all), &stop).await;
    let account = crowd.attendance.take();
    let report = Report {
        what: "storm",
        urls: &target.urls,
        clients,
        ready: gathering.ready,
        register_seconds: gathering.seconds,
        claims: account.claims,
        claim_seconds: account.recovery(),
        ready_ms: account.ready,
        claim_ms: account.claim,
        errors: account.errors,
    };
    report::print(out, &report)?;
    gathering.part().await;
    Ok(())
}
