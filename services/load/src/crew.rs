//! The pairs of a run: each a task that registers, calls whenever it is its turn, and begins anew when a
//! connection or a session is lost.

use crate::client::Client;
use crate::door::Endpoint;
use crate::failed::CallError;
use crate::pair::{CallProfile, Pair, Side};
use crate::pause::Backoff;
use crate::tally::Stats;
use crate::turns::Pacer;
use service::CancellationToken;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// How many clients connect at once.
const MAX_CONNECTING: usize = 64;

/// What all pairs of a run share.
pub struct PairPool {
    pub endpoints: Vec<Endpoint>,
    pub credentials: Arc<str>,
    pub prefix: String,
    pub profile: CallProfile,
    pub pacer: Pacer,
    pub stats: Stats,
    pub stop: CancellationToken,
    connecting: Semaphore,
}

impl PairPool {
    /// Without any pair yet.
    pub fn new(
        endpoints: Vec<Endpoint>,
        credentials: Arc<str>,
        prefix: String,
        profile: CallProfile,
        pacer: Pacer,
        stop: CancellationToken,
    ) -> Self {
        let (stats, connecting) = (Stats::default(), Semaphore::new(MAX_CONNECTING));
        Self { endpoints, credentials, prefix, profile, pacer, stats, stop, connecting }
    }

    /// The life of one pair, until the run is over. Tells how its first try to register went.
    pub async fn run_pair(
        self: Arc<Self>,
        number: usize,
        ready: mpsc::UnboundedSender<Result<(), CallError>>,
    ) {
        let (mut life, mut pause, mut ready) = (0, Backoff::default(), Some(ready));
        while !self.stop.is_cancelled() {
            let Some(opened) = self.stop.run_until_cancelled(self.open(number, life)).await else { return };
            life += 1;
            if let Some(ready) = ready.take() {
                let _ = ready.send(opened.as_ref().map(drop).map_err(Clone::clone));
            }
            let failed = match opened {
                Ok(mut pair) => {
                    pause = Backoff::default();
                    match self.stop.run_until_cancelled(self.make_calls(&mut pair)).await {
                        Some(failed) => failed,
                        None => return pair.leave().await,
                    }
                }
                Err(failed) => failed,
            };
            self.stats.count_missing_pair(&failed);
            let _ = self.stop.run_until_cancelled(pause.wait()).await;
        }
    }

    /// Calls, until no more is possible.
    async fn make_calls(&self, pair: &mut Pair) -> CallError {
        loop {
            let outcome = match pair.idle_until(self.pacer.next()).await {
                Ok(()) => pair.call(&self.stats).await,
                Err(failed) => Err(failed),
            };
            match outcome {
                Err(failed) if failed.is_fatal() => return failed,
                Err(failed) => {
                    self.stats.count_error(&failed);
                    if let Err(failed) = pair.recover().await {
                        return failed;
                    }
                }
                Ok(()) => {}
            }
        }
    }

    /// Connects both sides, the callee at the next door, under names that nobody has had.
    async fn open(&self, number: usize, life: usize) -> Result<Pair, CallError> {
        let name = |side| format!("{}{number}_{life}_{side}", self.prefix);
        let caller = self.side(number, name("a")).await?;
        let callee = self.side(number + 1, name("b")).await?;
        Ok(Pair::new(caller, callee, self.profile))
    }

    async fn side(&self, door: usize, name: String) -> Result<Side, CallError> {
        let _turn = self.connecting.acquire().await;
        let door = &self.endpoints[door % self.endpoints.len()];
        let mut client = Client::connect(door, self.credentials.clone()).await?;
        client.register(&name).await?;
        Ok(Side::new(client, name))
    }
}
