//! `load storm`: clients that come all at once, and come back all at once.

use crate::attendance::ClientCounts;
use crate::door::Endpoint;
use crate::error::Error;
use crate::errors::ErrorCounts;
use crate::gathering::Run;
use crate::options::Storm;
use crate::report;
use crate::times::LatencyHistogram;
use serde::Serialize;
use service::CancellationToken;
use std::io::Write;

/// What is printed at the end.
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

/// Has clients come all at once, drop their connections all at once, and come back; prints a line.
pub async fn run(options: &Storm, out: &mut dyn Write, stop: CancellationToken) -> Result<(), Error> {
    let Storm { target, client_options: members, seconds } = options;
    let gathering = Run::start(target, members, None, &stop).await?;
    let (crowd, clients) = (&gathering.pool, members.clients);
    if !seconds.0.is_zero() {
        gathering.hold(seconds.0, &stop).await;
    }
    let expected = crowd.population.counts();
    crowd.drop_connections();
    let all = |heads: &ClientCounts| heads.returned >= expected.returned + expected.connected;
    gathering.with_progress(crowd.population.wait_until(all), &stop).await;
    let account = crowd.population.take();
    let report = StormReport {
        what: "storm",
        urls: &target.urls,
        clients,
        ready: gathering.ready,
        register_seconds: gathering.seconds,
        claims: account.claims,
        claim_seconds: account.recovery_seconds(),
        ready_ms: account.ready,
        claim_ms: account.claim,
        errors: account.errors,
    };
    report::print_json(out, &report)?;
    gathering.shut_down().await;
    Ok(())
}
