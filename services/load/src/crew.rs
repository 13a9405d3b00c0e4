//! The pairs of a run: each a task that registers, calls whenever it is its turn, and begins anew when a
//! connection or a session is lost.

use crate::client::Client;
use crate::door::Door;
use crate::failed::Failed;
use crate::pair::{Manner, Pair, Side};
use crate::pause::Pause;
use crate::tally::Tally;
use crate::turns::Turns;
use service::CancellationToken;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// How many clients connect at once.
const AT_ONCE: usize = 64;

/// What all pairs of a run share.
pub struct Crew {
    pub doors: Vec<Door>,
    pub access: Arc<str>,
    pub prefix: String,
    pub manner: Manner,
    pub turns: Turns,
    pub tally: Tally,
    pub stop: CancellationToken,
    connecting: Semaphore,
}

impl Crew {
    /// Without any pair yet.
    pub fn new(
        doors: Vec<Door>,
        access: Arc<str>,
        prefix: String,
        manner: Manner,
        turns: Turns,
        stop: CancellationToken,
    ) -> Self {
        let (tally, connecting) = (Tally::default(), Semaphore::new(AT_ONCE));
        Self { doors, access, prefix, manner, turns, tally, stop, connecting }
    }

    /// The life of one pair, until the run is over. Tells how its first try to register went.
    pub async fn pair(self: Arc<Self>, number: usize, ready: mpsc::UnboundedSender<Result<(), Failed>>) {
        let (mut life, mut pause, mut ready) = (0, Pause::default(), Some(ready));
        while !self.stop.is_cancelled() {
            let Some(opened) = self.stop.run_until_cancelled(self.open(number, life)).await else { return };
            life += 1;
            if let Some(ready) = ready.take() {
                let _ = ready.send(opened.as_ref().map(drop).map_err(Clone::clone));
            }
            let failed = match opened {
                Ok(mut pair) => {
                    pause = Pause::default();
                    match self.stop.run_until_cancelled(self.calls(&mut pair)).await {
                        Some(failed) => failed,
                        None => return pair.leave().await,
                    }
                }
                Err(failed) => failed,
            };
            self.tally.missing(&failed);
            let _ = self.stop.run_until_cancelled(pause.wait()).await;
        }
    }

    /// Calls, until no more is possible.
    async fn calls(&self, pair: &mut Pair) -> Failed {
        loop {
            let outcome = match pair.idle_until(self.turns.next()).await {
                Ok(()) => pair.call(&self.tally).await,
                Err(failed) => Err(failed),
            };
            match outcome {
                Err(failed) if failed.is_the_end() => return failed,
                Err(failed) => {
                    self.tally.failed(&failed);
                    if let Err(failed) = pair.recover().await {
                        return failed;
                    }
                }
                Ok(()) => {}
            }
        }
    }

    /// Connects both sides, the callee at the next door, under names that nobody has had.
    async fn open(&self, number: usize, life: usize) -> Result<Pair, Failed> {
        let name = |side| format!("{}{number}_{life}_{side}", self.prefix);
        let caller = self.side(number, name("a")).await?;
        let callee = self.side(number + 1, name("b")).await?;
        Ok(Pair::new(caller, callee, self.manner))
    }

    async fn side(&self, door: usize, name: String) -> Result<Side, Failed> {
        let _turn = self.connecting.acquire().await;
        let door = &self.doors[door % self.doors.len()];
        let mut client = Client::connect(door, self.access.clone()).await?;
        client.register(&name).await?;
        Ok(Side::new(client, name))
    }
}
