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

use crate::breaker::{Breaker, BreakerState};
use crate::janus::LinkError;
use crate::janus::message::JanusId;
use crate::janus::site::Endpoint;
use crate::numbers;
use common::BackendName;
use line::ProbeSession;
use service::CancellationToken;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::DropGuard;

/// How often the plugin is asked while all is well.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(100);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// The probe of one backend. When it is dropped it ends its session by itself.
pub struct Probe {
    breaker: Arc<BreakerHandle>,
    state: watch::Receiver<Breaker>,
    latency: watch::Receiver<Option<u64>>,
    stop_guard: DropGuard,
    task: JoinHandle<()>,
}

/// Who keeps the breaker, and says what it says.
struct BreakerHandle {
    backend: BackendName,
    breaker: watch::Sender<Breaker>,
    /// How long the last probe took, in milliseconds.
    latency: watch::Sender<Option<u64>>,
}

impl Probe {
    /// Begins to probe.
    pub fn start(backend: BackendName, site: Endpoint) -> Self {
        let (breaker, state) = watch::channel(Breaker::default());
        let (taken, latency) = watch::channel(None);
        let breaker = Arc::new(BreakerHandle { backend, breaker, latency: taken });
        let stop = CancellationToken::new();
        let prober = Prober { endpoint: site, breaker: breaker.clone(), state: state.clone() };
        let task = tokio::spawn(prober.run(stop.clone()));
        Self { breaker, state, latency, stop_guard: stop.drop_guard(), task }
    }

    /// Whether the plugin is known to work.
    pub fn is_healthy(&self) -> bool {
        self.breaker.is_closed()
    }

    /// How long the last probe took, in milliseconds; none before the first, and while there is no
    /// connection to probe.
    pub fn latency_ms(&self) -> Option<u64> {
        *self.breaker.latency.borrow()
    }

    /// Waits until the verdict may have changed, or how long a probe takes. Safe to cancel.
    pub async fn changed(&mut self) {
        // The judge lives as long as this does.
        tokio::select! {
            _ = self.state.changed() => {}
            _ = self.latency.changed() => {}
        }
    }

    /// A call did not get what it asked of Janus.
    pub fn on_unanswered_call(&self) {
        self.breaker.update(|breaker| breaker.on_unanswered_call(Instant::now()));
    }

    /// Ends the probe's session and waits, but not long, until Janus has read that.
    pub async fn stop(self) {
        drop(self.stop_guard);
        let _ = self.task.await;
    }
}

impl BreakerHandle {
    fn is_closed(&self) -> bool {
        self.breaker.borrow().state().is_closed()
    }

    fn update(&self, news: impl FnOnce(&mut Breaker)) {
        self.breaker.send_if_modified(|breaker| {
            let before = breaker.state();
            news(breaker);
            let changed = breaker.state() != before;
            if changed {
                self.report(breaker.state());
            }
            changed
        });
    }

    fn report(&self, now: BreakerState) {
        numbers::set_breaker(&self.backend, now.as_metric());
        match now {
            BreakerState::Closed(_) => tracing::info!(backend = %self.backend, "the VideoCall plugin works"),
            BreakerState::HalfOpen => {
                tracing::debug!(backend = %self.backend, "the VideoCall plugin is tried again")
            }
            BreakerState::Open(_) => {
                tracing::warn!(backend = %self.backend, "the VideoCall plugin does not answer: no new calls");
            }
        }
    }
}

/// What runs beside the backend.
struct Prober {
    endpoint: Endpoint,
    breaker: Arc<BreakerHandle>,
    state: watch::Receiver<Breaker>,
}

impl Prober {
    async fn run(mut self, stop: CancellationToken) {
        let mut pause = MIN_RECONNECT_DELAY;
        while let Some(opened) = stop.run_until_cancelled(ProbeSession::open(&self.endpoint)).await {
            let down = match opened {
                Ok(mut line) => {
                    let began = Instant::now();
                    self.breaker.update(Breaker::on_reconnect);
                    let down = stop.run_until_cancelled(self.watch(&mut line)).await;
                    line.close().await;
                    if began.elapsed() > MAX_RECONNECT_DELAY {
                        pause = MIN_RECONNECT_DELAY;
                    }
                    down
                }
                Err(down) => Some(down),
            };
            self.breaker.latency.send_if_modified(|took| took.take().is_some());
            tracing::debug!(backend = %self.breaker.backend, ?down, "the probe has no connection");
            let _ = stop.run_until_cancelled(sleep(pause)).await;
            pause = (pause * 2).min(MAX_RECONNECT_DELAY);
        }
    }

    /// Probes until the line breaks, and says why.
    async fn watch(&mut self, line: &mut ProbeSession) -> LinkError {
        let (mut handle, mut next) = (None, Instant::now());
        loop {
            let state = self.state.borrow_and_update().state();
            let due = match state {
                BreakerState::Closed(_) => next,
                BreakerState::HalfOpen => Instant::now(),
                BreakerState::Open(until) => until,
            };
            tokio::select! {
                biased;
                down = line.broken() => return down,
                _ = self.state.changed() => continue,
                () = sleep_until(due) => {}
            }
            next = Instant::now() + PROBE_INTERVAL;
            if let Err(down) = self.probe(line, &mut handle).await {
                return down;
            }
        }
    }

    /// One probe, with the handle there is or a fresh one, which stays while it works.
    async fn probe(&self, line: &mut ProbeSession, handle: &mut Option<JanusId>) -> Result<(), LinkError> {
        let asked = Instant::now();
        self.breaker.update(|breaker| breaker.half_open(asked));
        if !self.breaker.is_closed() {
            detach_handle(line, handle).await?;
        }
        let works = plugin_responds(line, handle).await?;
        let took = asked.elapsed();
        numbers::record_probe(&self.breaker.backend, took);
        self.breaker.latency.send_replace(Some(took.as_millis() as u64));
        match works {
            true => self.breaker.update(|breaker| breaker.on_success(Instant::now())),
            false => {
                self.breaker.update(|breaker| breaker.on_failure(Instant::now()));
                detach_handle(line, handle).await?;
            }
        }
        Ok(())
    }
}

/// Whether there is a handle, or one can be had, and the plugin answers on it.
async fn plugin_responds(line: &mut ProbeSession, handle: &mut Option<JanusId>) -> Result<bool, LinkError> {
    if handle.is_none() {
        *handle = line.attach().await?;
    }
    match *handle {
        Some(handle) => line.set(handle).await,
        None => Ok(false),
    }
}

async fn detach_handle(line: &mut ProbeSession, handle: &mut Option<JanusId>) -> Result<(), LinkError> {
    match handle.take() {
        Some(handle) => line.detach(handle).await,
        None => Ok(()),
    }
}
