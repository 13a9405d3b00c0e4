//! `load calls`: pairs register, call for some seconds, and the result is one line.
//!
//! Each pair is a task. It calls whenever the pacer permits, and registers again after it has lost a connection or session.

use crate::client::{Client, ConnectBackoff, raise_file_limit};
use crate::endpoint::Endpoint;
use crate::error::{CallError, Error, ErrorCounts};
use crate::options::Calls;
use crate::output::{LatencyHistogram, Output, print_every_second, print_json, print_progress, round};
use crate::pacing::{Pacer, Schedule};
use crate::pair::{CallProfile, Pair, Side};
use crate::stats::{CallCounts, Stats};
use serde::Serialize;
use service::CancellationToken;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The time for all pairs to end their sessions.
const PAIRS_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// The most clients that connect at the same time.
const MAX_CONNECTING: usize = 64;

/// What all pairs of a run share.
struct PairPool {
    endpoints: Vec<Endpoint>,
    credentials: Arc<str>,
    prefix: String,
    profile: CallProfile,
    pacer: Pacer,
    stats: Stats,
    stop: CancellationToken,
    connecting: Semaphore,
}

/// The line that is printed at the end.
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

/// Calls until the time is over or `stop` is cancelled, and prints one line.
pub async fn run(options: &Calls, out: &Output, stop: CancellationToken) -> Result<(), Error> {
    raise_file_limit(2 * options.pairs)?;
    let pool = Arc::new(PairPool::new(options, stop.child_token())?);
    let mut tasks = JoinSet::new();
    let (ready, last_error) = start_pairs(options.pairs, &pool, &mut tasks).await;
    print_progress(options.target.quiet, &format!("{ready} of {} pairs are registered", options.pairs));
    if let (0, Some(failed)) = (ready, last_error)
        && !stop.is_cancelled()
    {
        return Err(Error::NoPairRegistered { url: options.target.urls[0].url().to_owned(), failed });
    }
    let (counts, seconds) = measure(options, &pool).await;
    print_json(out, &report(options, counts, seconds), &stop).await?;
    pool.stop.cancel();
    // Sessions that do not end in time are left to the server's timeout.
    let _ = timeout(PAIRS_SHUTDOWN_TIMEOUT, tasks.join_all()).await;
    Ok(())
}

/// Starts the pairs and waits until each has tried to register. Returns how many have registered, and the last error.
async fn start_pairs(
    count: usize,
    pool: &Arc<PairPool>,
    tasks: &mut JoinSet<()>,
) -> (usize, Option<CallError>) {
    let (sender, mut outcomes) = mpsc::unbounded_channel();
    for number in 0..count {
        tasks.spawn(pool.clone().run_pair(number, sender.clone()));
    }
    drop(sender);
    let (mut ready, mut last_error) = (0, None);
    while let Some(outcome) = outcomes.recv().await {
        match outcome {
            Ok(()) => ready += 1,
            Err(error) => last_error = Some(error),
        }
    }
    (ready, last_error)
}

/// Lets the pairs call. Returns the counts of the measurement and its seconds.
async fn measure(options: &Calls, pool: &PairPool) -> (CallCounts, f64) {
    if options.warm_up.0.is_zero() {
        pool.stats.start_measuring();
    }
    pool.pacer.start();
    let mut calls_before = 0;
    let progress = print_every_second(options.target.quiet, |second| {
        let (calls, errors) = pool.stats.snapshot();
        let rate = calls - std::mem::replace(&mut calls_before, calls);
        format!("{second} s: {calls} calls, {rate}/s, {errors}")
    });
    let pacing = pace(options.rate, pool);
    let mut begun = Instant::now();
    let measurement = async {
        sleep(options.warm_up.0).await;
        pool.stats.start_measuring();
        begun = Instant::now();
        match options.seconds.0 {
            Duration::ZERO => std::future::pending().await,
            seconds => sleep(seconds).await,
        }
    };
    tokio::select! {
        () = measurement => {}
        () = pool.stop.cancelled() => {}
        () = progress => {}
        () = pacing => {}
    }
    (pool.stats.take(), begun.elapsed().as_secs_f64())
}

/// Permits calls at the rate, if there is one. A call for which no pair is free is an error.
async fn pace(rate: Option<f64>, pool: &PairPool) {
    let Some(rate) = rate else { return std::future::pending().await };
    let (begun, mut schedule) = (Instant::now(), Schedule::new(rate));
    loop {
        for _ in 0..schedule.due(begun.elapsed()) {
            if !pool.pacer.grant() {
                pool.stats.count_error(&CallError::NoPairFree);
            }
        }
        sleep_until(begun + schedule.next()).await;
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

impl PairPool {
    fn new(options: &Calls, stop: CancellationToken) -> Result<Self, Error> {
        let hold = Duration::from_millis(options.hold);
        Ok(Self {
            endpoints: options.target.urls.clone(),
            credentials: options.target.credentials(),
            prefix: options.target.prefix()?,
            profile: CallProfile { hold, candidates: options.candidates },
            pacer: if options.rate.is_some() { Pacer::rated() } else { Pacer::unlimited() },
            stats: Stats::default(),
            stop,
            connecting: Semaphore::new(MAX_CONNECTING),
        })
    }

    /// Runs one pair until the run is over. Sends the outcome of its first attempt to register.
    async fn run_pair(self: Arc<Self>, number: usize, ready: mpsc::UnboundedSender<Result<(), CallError>>) {
        let (mut generation, mut backoff, mut ready) = (0, ConnectBackoff::default(), Some(ready));
        while !self.stop.is_cancelled() {
            let opened = self.stop.run_until_cancelled(self.open(number, generation)).await;
            let Some(opened) = opened else { return };
            generation += 1;
            if let Some(ready) = ready.take() {
                let _ = ready.send(opened.as_ref().map(drop).map_err(Clone::clone));
            }
            let error = match opened {
                Ok(mut pair) => {
                    backoff = ConnectBackoff::default();
                    match self.stop.run_until_cancelled(self.make_calls(&mut pair)).await {
                        Some(error) => error,
                        None => return pair.leave().await,
                    }
                }
                Err(error) => error,
            };
            self.stats.count_missing_pair(&error);
            let _ = self.stop.run_until_cancelled(backoff.wait()).await;
        }
    }

    /// Makes calls until a fatal error.
    async fn make_calls(&self, pair: &mut Pair) -> CallError {
        loop {
            let outcome = match pair.idle_until(self.pacer.next()).await {
                Ok(()) => pair.call(&self.stats).await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => {}
                Err(error) if error.is_fatal() => return error,
                Err(error) => {
                    self.stats.count_error(&error);
                    if let Err(fatal) = pair.recover().await {
                        return fatal;
                    }
                }
            }
        }
    }

    /// Connects both sides under new names, the callee at the next endpoint.
    async fn open(&self, number: usize, generation: usize) -> Result<Pair, CallError> {
        let name = |side| format!("{}{number}_{generation}_{side}", self.prefix);
        let caller = self.side(number, name("a")).await?;
        let callee = self.side(number + 1, name("b")).await?;
        Ok(Pair::new(caller, callee, self.profile))
    }

    async fn side(&self, endpoint: usize, name: String) -> Result<Side, CallError> {
        let _permit = self.connecting.acquire().await;
        let endpoint = &self.endpoints[endpoint % self.endpoints.len()];
        let mut client = Client::connect(endpoint, self.credentials.clone()).await?;
        client.register(&name).await?;
        Ok(Side::new(client, name))
    }
}
