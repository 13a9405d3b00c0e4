//! Probes whether the VideoCall plugin of a Janus server works.
//!
//! Janus acknowledges requests to a frozen plugin, and everything else keeps working; only the missing
//! plugin event shows it. So every [`PROBE_INTERVAL`] the probe sends the plugin a `set` that changes
//! nothing, on a websocket and session of its own (see [`mod@session`]). The [`breaker`](crate::breaker)
//! decides from the outcomes. While it is not closed, each probe attaches a fresh handle, as a call would.
//!
//! # Failures
//! If Janus cannot be reached, or is unresponsive, the link detects that. The probe then connects again
//! with a growing delay, and leaves the breaker as it is.

mod session;

use crate::breaker::{Breaker, BreakerState};
use crate::janus::endpoint::{Endpoint, LinkError};
use crate::janus::message::JanusId;
use crate::metrics;
use common::BackendName;
use common::time::Backoff;
use service::CancellationToken;
use session::ProbeSession;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::DropGuard;

/// How often a working plugin is probed.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(100);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// The probe of one backend. Dropping it ends its session in the background.
pub struct Probe {
    breaker: Arc<BreakerHandle>,
    state: watch::Receiver<Breaker>,
    latency: watch::Receiver<Option<u64>>,
    stop_guard: DropGuard,
    task: JoinHandle<()>,
}

/// The breaker, shared by the prober and the backend.
struct BreakerHandle {
    backend: BackendName,
    breaker: watch::Sender<Breaker>,
    /// How long the last probe took, in milliseconds.
    latency: watch::Sender<Option<u64>>,
}

impl Probe {
    pub fn start(backend: BackendName, endpoint: Endpoint) -> Self {
        let (breaker_sender, state) = watch::channel(Breaker::default());
        let (latency_sender, latency) = watch::channel(None);
        let breaker = Arc::new(BreakerHandle { backend, breaker: breaker_sender, latency: latency_sender });
        let stop = CancellationToken::new();
        let prober = Prober { endpoint, breaker: breaker.clone(), state: state.clone() };
        let task = tokio::spawn(prober.run(stop.clone()));
        Self { breaker, state, latency, stop_guard: stop.drop_guard(), task }
    }

    /// Whether the plugin is known to work.
    pub fn is_healthy(&self) -> bool {
        self.breaker.is_closed()
    }

    /// How long the last probe took, in milliseconds; none before the first one and without a connection.
    pub fn latency_ms(&self) -> Option<u64> {
        *self.breaker.latency.borrow()
    }

    /// Waits until the state of the breaker or the latency may have changed. Safe to cancel.
    pub async fn changed(&mut self) {
        // `self.breaker` keeps both senders, so neither channel is closed.
        tokio::select! {
            _ = self.state.changed() => {}
            _ = self.latency.changed() => {}
        }
    }

    /// Janus did not reply to a request that a call needs.
    pub fn on_unanswered_call(&self) {
        self.breaker.update(|breaker| breaker.on_unanswered_call(Instant::now()));
    }

    /// Destroys the probe's session and waits until Janus has read that, or does not in time.
    pub async fn stop(self) {
        drop(self.stop_guard);
        let _ = self.task.await;
    }
}

impl BreakerHandle {
    fn is_closed(&self) -> bool {
        self.breaker.borrow().state().is_closed()
    }

    fn update(&self, update: impl FnOnce(&mut Breaker)) {
        self.breaker.send_if_modified(|breaker| {
            let before = breaker.state();
            update(breaker);
            let has_changed = breaker.state() != before;
            if has_changed {
                self.report(breaker.state());
            }
            has_changed
        });
    }

    fn report(&self, state: BreakerState) {
        let backend = &self.backend;
        metrics::set_breaker(backend, state.as_metric());
        match state {
            BreakerState::Closed(_) => tracing::info!(%backend, "the VideoCall plugin works"),
            BreakerState::HalfOpen => tracing::debug!(%backend, "probing the VideoCall plugin again"),
            BreakerState::Open(_) => {
                tracing::warn!(%backend, "the VideoCall plugin does not respond, placing no new calls");
            }
        }
    }
}

/// The task that probes.
struct Prober {
    endpoint: Endpoint,
    breaker: Arc<BreakerHandle>,
    state: watch::Receiver<Breaker>,
}

impl Prober {
    async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new(MIN_RECONNECT_DELAY, MAX_RECONNECT_DELAY);
        while let Some(opened) = stop.run_until_cancelled(ProbeSession::open(&self.endpoint)).await {
            let error = match opened {
                Ok(mut session) => {
                    let opened_at = Instant::now();
                    self.breaker.update(Breaker::on_reconnect);
                    let error = stop.run_until_cancelled(self.watch(&mut session)).await;
                    session.close().await;
                    if opened_at.elapsed() > MAX_RECONNECT_DELAY {
                        backoff.reset();
                    }
                    error
                }
                Err(error) => Some(error),
            };
            self.breaker.latency.send_if_modified(|latency| latency.take().is_some());
            tracing::debug!(backend = %self.breaker.backend, ?error, "the probe has no connection, retrying");
            let _ = stop.run_until_cancelled(sleep(backoff.next_delay())).await;
        }
    }

    /// Probes until the connection breaks. Returns the reason.
    async fn watch(&mut self, session: &mut ProbeSession) -> LinkError {
        let (mut handle, mut next_probe) = (None, Instant::now());
        loop {
            let state = self.state.borrow_and_update().state();
            let due = match state {
                BreakerState::Closed(_) => next_probe,
                BreakerState::HalfOpen => Instant::now(),
                BreakerState::Open(until) => until,
            };
            tokio::select! {
                biased;
                error = session.broken() => return error,
                _ = self.state.changed() => continue,
                () = sleep_until(due) => {}
            }
            next_probe = Instant::now() + PROBE_INTERVAL;
            if let Err(error) = self.probe(session, &mut handle).await {
                return error;
            }
        }
    }

    /// Sends one probe. The handle is kept while the plugin works.
    async fn probe(&self, session: &mut ProbeSession, handle: &mut Option<JanusId>) -> Result<(), LinkError> {
        let started = Instant::now();
        self.breaker.update(|breaker| breaker.half_open(started));
        if !self.breaker.is_closed() {
            detach_handle(session, handle).await?;
        }
        let responds = plugin_responds(session, handle).await?;
        let latency = started.elapsed();
        metrics::record_probe(&self.breaker.backend, latency);
        self.breaker.latency.send_replace(Some(latency.as_millis() as u64));
        if responds {
            self.breaker.update(|breaker| breaker.on_success(Instant::now()));
        } else {
            self.breaker.update(|breaker| breaker.on_failure(Instant::now()));
            detach_handle(session, handle).await?;
        }
        Ok(())
    }
}

/// Attaches a handle if there is none, and returns whether the plugin replies on it.
async fn plugin_responds(
    session: &mut ProbeSession,
    handle: &mut Option<JanusId>,
) -> Result<bool, LinkError> {
    if handle.is_none() {
        *handle = session.attach().await?;
    }
    match *handle {
        Some(handle) => session.set(handle).await,
        None => Ok(false),
    }
}

async fn detach_handle(session: &mut ProbeSession, handle: &mut Option<JanusId>) -> Result<(), LinkError> {
    match handle.take() {
        Some(handle) => session.detach(handle).await,
        None => Ok(()),
    }
}
