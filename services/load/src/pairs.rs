//! The pairs of a run: each is a task that registers, calls whenever the pacer permits, and registers again after it has
//! lost a connection or session.

use crate::client::{Client, ConnectBackoff};
use crate::endpoint::Endpoint;
use crate::error::{CallError, Error};
use crate::options::Calls;
use crate::pacing::Pacer;
use crate::pair::{CallProfile, Pair, Side};
use crate::stats::Stats;
use service::CancellationToken;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// The most clients that connect at the same time.
const MAX_CONNECTING: usize = 64;

/// What all pairs of a run share.
pub struct PairPool {
    endpoints: Vec<Endpoint>,
    credentials: Arc<str>,
    prefix: String,
    profile: CallProfile,
    pub pacer: Pacer,
    pub stats: Stats,
    pub stop: CancellationToken,
    connecting: Semaphore,
}

impl PairPool {
    pub fn new(options: &Calls, stop: CancellationToken) -> Result<Self, Error> {
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
    pub async fn run_pair(
        self: Arc<Self>,
        number: usize,
        ready: mpsc::UnboundedSender<Result<(), CallError>>,
    ) {
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
