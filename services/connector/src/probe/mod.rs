//! Finds out whether the VideoCall plugin of a Janus server still works.
//!
//! One that is frozen is acknowledged for and says nothing more, while all else of its Janus goes on;
//! only an event tells. So a handle of our own, on a websocket and a session of its own ([`mod@line`]), has
//! the plugin `set` nothing every [`PERIOD`], and the [`breaker`](crate::breaker) judges. While it is
//! not closed, each probe takes a fresh handle, as a call would.
//!
//! How it fails: a Janus that cannot be reached, or is altogether silent, is the business of the link:
//! the probe dials anew, with a growing pause, and leaves the verdict as it was.

mod line;

use crate::breaker::{Breaker, State};
use crate::janus::Down;
use crate::janus::message::JanusId;
use crate::janus::site::Site;
use crate::numbers;
use line::Line;
use protocol::BackendName;
use service::CancellationToken;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::DropGuard;

/// How often the plugin is asked while all is well.
const PERIOD: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The probe of one backend. When it is dropped it ends its session by itself.
pub struct Probe {
    judge: Arc<Judge>,
    verdict: watch::Receiver<Breaker>,
    took: watch::Receiver<Option<u64>>,
    running: DropGuard,
    task: JoinHandle<()>,
}

/// Who keeps the breaker, and says what it says.
struct Judge {
    backend: BackendName,
    breaker: watch::Sender<Breaker>,
    /// How long the last probe took, in milliseconds.
    took: watch::Sender<Option<u64>>,
}

impl Probe {
    /// Begins to probe.
    pub fn start(backend: BackendName, site: Site) -> Self {
        let (breaker, verdict) = watch::channel(Breaker::default());
        let (taken, took) = watch::channel(None);
        let judge = Arc::new(Judge { backend, breaker, took: taken });
        let stop = CancellationToken::new();
        let prober = Prober { site, judge: judge.clone(), verdict: verdict.clone() };
        let task = tokio::spawn(prober.run(stop.clone()));
        Self { judge, verdict, took, running: stop.drop_guard(), task }
    }

    /// Whether the plugin is known to work.
    pub fn is_good(&self) -> bool {
        self.judge.trusts()
    }

    /// How long the last probe took, in milliseconds; none before the first, and while there is no
    /// connection to probe.
    pub fn took(&self) -> Option<u64> {
        *self.judge.took.borrow()
    }

    /// Waits until the verdict may have changed, or how long a probe takes. Safe to cancel.
    pub async fn changed(&mut self) {
        // The judge lives as long as this does.
        tokio::select! {
            _ = self.verdict.changed() => {}
            _ = self.took.changed() => {}
        }
    }

    /// A call did not get what it asked of Janus.
    pub fn call_unanswered(&self) {
        self.judge.hear(|breaker| breaker.call_unanswered(Instant::now()));
    }

    /// Ends the probe's session and waits, but not long, until Janus has read that.
    pub async fn stop(self) {
        drop(self.running);
        let _ = self.task.await;
    }
}

impl Judge {
    fn trusts(&self) -> bool {
        self.breaker.borrow().state().is_closed()
    }

    fn hear(&self, news: impl FnOnce(&mut Breaker)) {
        self.breaker.send_if_modified(|breaker| {
            let before = breaker.state();
            news(breaker);
            let changed = breaker.state() != before;
            if changed {
                self.tell(breaker.state());
            }
            changed
        });
    }

    fn tell(&self, now: State) {
        numbers::breaker(&self.backend, now.number());
        match now {
            State::Closed(_) => tracing::info!(backend = %self.backend, "the VideoCall plugin works"),
            State::HalfOpen => {
                tracing::debug!(backend = %self.backend, "the VideoCall plugin is tried again")
            }
            State::Open(_) => {
                tracing::warn!(backend = %self.backend, "the VideoCall plugin does not answer: no new calls");
            }
        }
    }
}

/// What runs beside the backend.
struct Prober {
    site: Site,
    judge: Arc<Judge>,
    verdict: watch::Receiver<Breaker>,
}

impl Prober {
    async fn run(mut self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while let Some(opened) = stop.run_until_cancelled(Line::open(&self.site)).await {
            let down = match opened {
                Ok(mut line) => {
                    let began = Instant::now();
                    self.judge.hear(Breaker::reached);
                    let down = stop.run_until_cancelled(self.watch(&mut line)).await;
                    line.close().await;
                    if began.elapsed() > LONGEST_PAUSE {
                        pause = FIRST_PAUSE;
                    }
                    down
                }
                Err(down) => Some(down),
            };
            self.judge.took.send_if_modified(|took| took.take().is_some());
            tracing::debug!(backend = %self.judge.backend, ?down, "the probe has no connection");
            let _ = stop.run_until_cancelled(sleep(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Probes until the line breaks, and says why.
    async fn watch(&mut self, line: &mut Line) -> Down {
        let (mut handle, mut next) = (None, Instant::now());
        loop {
            let state = self.verdict.borrow_and_update().state();
            let due = match state {
                State::Closed(_) => next,
                State::HalfOpen => Instant::now(),
                State::Open(until) => until,
            };
            tokio::select! {
                biased;
                down = line.broken() => return down,
                _ = self.verdict.changed() => continue,
                () = sleep_until(due) => {}
            }
            next = Instant::now() + PERIOD;
            if let Err(down) = self.probe(line, &mut handle).await {
                return down;
            }
        }
    }

    /// One probe, with the handle there is or a fresh one, which stays while it works.
    async fn probe(&self, line: &mut Line, handle: &mut Option<JanusId>) -> Result<(), Down> {
        let asked = Instant::now();
        self.judge.hear(|breaker| breaker.try_again(asked));
        if !self.judge.trusts() {
            give_back(line, handle).await?;
        }
        let works = plugin_works(line, handle).await?;
        let took = asked.elapsed();
        numbers::probed(&self.judge.backend, took);
        self.judge.took.send_replace(Some(took.as_millis() as u64));
        match works {
            true => self.judge.hear(|breaker| breaker.answered(Instant::now())),
            false => {
                self.judge.hear(|breaker| breaker.failed(Instant::now()));
                give_back(line, handle).await?;
            }
        }
        Ok(())
    }
}

/// Whether there is a handle, or one can be had, and the plugin answers on it.
async fn plugin_works(line: &mut Line, handle: &mut Option<JanusId>) -> Result<bool, Down> {
    if handle.is_none() {
        *handle = line.attach().await?;
    }
    match *handle {
        Some(handle) => line.set(handle).await,
        None => Ok(false),
    }
}

async fn give_back(line: &mut Line, handle: &mut Option<JanusId>) -> Result<(), Down> {
    match handle.take() {
        Some(handle) => line.detach(handle).await,
        None => Ok(()),
    }
}
