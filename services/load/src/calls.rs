//! `load calls`: pairs register, call for some seconds, and what it came to is one line.

use crate::crew::PairPool;
use crate::door::Endpoint;
use crate::error::Error;
use crate::errors::ErrorCounts;
use crate::failed::CallError;
use crate::options::Calls;
use crate::pair::CallProfile;
use crate::report::{self, round};
use crate::schedule::Schedule;
use crate::tally::CallCounts;
use crate::times::LatencyHistogram;
use crate::turns::Pacer;
use crate::{files, progress};
use serde::Serialize;
use service::CancellationToken;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long ending all sessions may take.
const PAIRS_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// What is printed of a run.
#[derive(Serialize)]
struct CallsReport<'a> {
    what: &'static str,
    urls: &'a [Endpoint],
    pairs: usize,
    rate: Option<f64>,
    hold_ms: u64,
    candidates: u8,
    seconds: f64,
    calls: u64,
    calls_per_second: f64,
    errors: ErrorCounts,
    ring_ms: LatencyHistogram,
    refused_ms: LatencyHistogram,
    accept_ms: LatencyHistogram,
    hangup_ms: LatencyHistogram,
}

/// Calls until the time is over or `stop` says so, and prints one line.
pub async fn run(options: &Calls, out: &mut dyn Write, stop: CancellationToken) -> Result<(), Error> {
    files::raise_limit(2 * options.pairs)?;
    let crew = Arc::new(pair_pool(options, stop.child_token())?);
    let mut pairs = JoinSet::new();
    let ready = ready(options.pairs, &crew, &mut pairs).await;
    progress::print_status(
        options.target.quiet,
        &format!("{} of {} pairs are registered", ready.0, options.pairs),
    );
    if let (0, Some(failed)) = ready
        && !stop.is_cancelled()
    {
        return Err(Error::NoPairRegistered { url: options.target.urls[0].url().to_owned(), failed });
    }
    let (counts, seconds) = measure(options, &crew).await;
    report::print_json(out, &report(options, counts, seconds))?;
    crew.stop.cancel();
    // Whose session is not ended in time leaves that to the server.
    let _ = timeout(PAIRS_SHUTDOWN_TIMEOUT, pairs.join_all()).await;
    Ok(())
}

fn pair_pool(options: &Calls, stop: CancellationToken) -> Result<PairPool, Error> {
    let target = &options.target;
    let manner = CallProfile { hold: Duration::from_millis(options.hold), candidates: options.candidates };
    let turns = if options.rate.is_some() { Pacer::rated() } else { Pacer::unlimited() };
    Ok(PairPool::new(target.urls.clone(), target.credentials(), target.prefix()?, manner, turns, stop))
}

/// Starts the pairs; returns how many are there once each has tried, and why one is not.
async fn ready(count: usize, crew: &Arc<PairPool>, pairs: &mut JoinSet<()>) -> (usize, Option<CallError>) {
    let (sender, mut tried) = mpsc::unbounded_channel();
    for number in 0..count {
        pairs.spawn(crew.clone().run_pair(number, sender.clone()));
    }
    drop(sender);
    let (mut there, mut why) = (0, None);
    while let Some(outcome) = tried.recv().await {
        match outcome {
            Ok(()) => there += 1,
            Err(failed) => why = Some(failed),
        }
    }
    (there, why)
}

/// Lets them call; returns what counts, and the seconds in which it was counted.
async fn measure(options: &Calls, crew: &PairPool) -> (CallCounts, f64) {
    if options.warm_up.0.is_zero() {
        crew.stats.start_measuring();
    }
    crew.pacer.start();
    let mut before = 0;
    let watched = progress::print_every_second(options.target.quiet, |second| {
        let (calls, errors) = crew.stats.so_far();
        let rate = calls - std::mem::replace(&mut before, calls);
        format!("{second} s: {calls} calls, {rate}/s, {errors}")
    });
    let given = pace(options.rate, crew);
    let mut began = Instant::now();
    let measured = async {
        sleep(options.warm_up.0).await;
        crew.stats.start_measuring();
        began = Instant::now();
        match options.seconds.0 {
            Duration::ZERO => std::future::pending().await,
            seconds => sleep(seconds).await,
        }
    };
    tokio::select! {
        () = measured => {}
        () = crew.stop.cancelled() => {}
        () = watched => {}
        () = given => {}
    }
    (crew.stats.take(), began.elapsed().as_secs_f64())
}

/// Gives turns at the rate, where there is one. A turn that nobody could take is an error.
async fn pace(rate: Option<f64>, crew: &PairPool) {
    let Some(rate) = rate else { return std::future::pending().await };
    let (began, mut schedule) = (Instant::now(), Schedule::new(rate));
    loop {
        for _ in 0..schedule.due(began.elapsed()) {
            if !crew.pacer.grant() {
                crew.stats.count_error(&CallError::NoPairFree);
            }
        }
        sleep_until(began + schedule.next()).await;
    }
}

fn report(options: &Calls, counts: CallCounts, seconds: f64) -> CallsReport<'_> {
    CallsReport {
        what: "calls",
        urls: &options.target.urls,
        pairs: options.pairs,
        rate: options.rate,
        hold_ms: options.hold,
        candidates: options.candidates,
        seconds: round(seconds),
        calls: counts.calls,
        calls_per_second: round(counts.calls as f64 / seconds),
        errors: counts.errors,
        ring_ms: counts.ring,
        refused_ms: counts.refusal,
        accept_ms: counts.accept,
        hangup_ms: counts.hangup,
    }
}
