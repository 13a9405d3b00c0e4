//! Probes whether a Janus server can take calls.
//!
//! Janus acknowledges requests to a frozen plugin, and a handle from better times may work while no new one
//! does. So every [`PROBE_INTERVAL`] the probe does what a call does first, with a fresh handle, on a websocket
//! and session of its own (see [`mod@session`]). The [`breaker`](crate::breaker) decides from the outcomes of
//! probes and calls. The probe also asks Janus whether it accepts sessions: an operator may have closed it.
//!
//! # Failures
//! If Janus cannot be reached, the link for calls detects that. The probe then connects again with a growing
//! delay, and leaves the breaker as it is. If Janus does not answer [`MAX_SILENT`] times in a row, that is a
//! failed probe.

mod session;

use crate::breaker::outcomes::{ClientId, SetupFailure};
use crate::breaker::{Breaker, MAX_TRIALS, OpenedBy, State};
use crate::calls::attempt::Admission;
use crate::janus::endpoint::{Endpoint, LinkError};
use crate::metrics;
use common::BackendName;
use common::time::Backoff;
use directory::record::{BackendHealth, BackendStatus, BreakerState};
use service::CancellationToken;
use session::ProbeSession;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::DropGuard;

const PROBE_INTERVAL: Duration = Duration::from_secs(2);
const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(100);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);
/// How many probes in a row may get no answer at all. Once may be a moment without a processor.
const MAX_SILENT: u32 = 2;
/// Why a backend is in maintenance.
const CLOSED_BY_OPERATOR: &str = "its Admin API was told to accept no new sessions";

/// The probe of one backend. Dropping it ends its session in the background.
pub struct Probe {
    breaker: Arc<BreakerHandle>,
    state: watch::Receiver<Breaker>,
    latency: watch::Receiver<Option<u64>>,
    accepts: watch::Receiver<bool>,
    stop_guard: DropGuard,
    task: JoinHandle<()>,
}

/// The breaker, shared by the prober and the backend.
struct BreakerHandle {
    backend: BackendName,
    breaker: watch::Sender<Breaker>,
    /// How long the last probe took, in milliseconds.
    latency: watch::Sender<Option<u64>>,
    /// Whether Janus accepts new sessions.
    accepts: watch::Sender<bool>,
}

impl Probe {
    pub fn start(backend: BackendName, endpoint: Endpoint) -> Self {
        let (breaker_sender, state) = watch::channel(Breaker::default());
        let (latency_sender, latency) = watch::channel(None);
        let (accepts_sender, accepts) = watch::channel(true);
        let breaker = Arc::new(BreakerHandle {
            backend,
            breaker: breaker_sender,
            latency: latency_sender,
            accepts: accepts_sender,
        });
        let stop = CancellationToken::new();
        let prober = Prober { endpoint, breaker: breaker.clone(), state: state.clone(), silent: 0 };
        let task = tokio::spawn(prober.run(stop.clone()));
        Self { breaker, state, latency, accepts, stop_guard: stop.drop_guard(), task }
    }

    /// The status of a backend whose link is up.
    pub fn status(&self) -> BackendStatus {
        if !self.breaker.state().is_probed() {
            BackendStatus::Abnormal
        } else if !*self.breaker.accepts.borrow() {
            BackendStatus::Maintenance
        } else {
            BackendStatus::Normal
        }
    }

    /// What is announced beside the status.
    pub fn health(&self) -> BackendHealth {
        let (breaker, now) = (self.breaker.breaker.borrow(), Instant::now());
        let is_closed_by_operator = breaker.state().is_probed() && !*self.breaker.accepts.borrow();
        let reason = if is_closed_by_operator { CLOSED_BY_OPERATOR } else { breaker.reason() };
        let usual_setup = breaker.outcomes.usual_setup().unwrap_or_default();
        BackendHealth {
            breaker: match breaker.state() {
                State::Closed(_) => BreakerState::Closed,
                State::Unprobed | State::HalfOpen { .. } => BreakerState::HalfOpen,
                State::Open { .. } => BreakerState::Open,
            },
            reason: reason.to_owned(),
            failed_percent: breaker.outcomes.count(now).failed_percent(),
            setup_ms: usual_setup.as_millis() as u64,
        }
    }

    /// Which new calls the backend takes.
    pub fn admission(&self) -> Admission {
        match self.breaker.state() {
            _ if !*self.breaker.accepts.borrow() => Admission::None,
            State::Closed(_) | State::Open { opened_by: OpenedBy::Calls, .. } => Admission::All,
            State::HalfOpen { .. } => Admission::Trials(MAX_TRIALS),
            State::Open { opened_by: OpenedBy::Probe, .. } | State::Unprobed => Admission::None,
        }
    }

    /// How long the last probe took, in milliseconds; none before the first one and without a connection.
    pub fn latency_ms(&self) -> Option<u64> {
        *self.breaker.latency.borrow()
    }

    /// Waits until the state of the breaker or the result of a probe may have changed. Safe to cancel.
    pub async fn changed(&mut self) {
        // `self.breaker` keeps the senders, so no channel is closed.
        tokio::select! {
            _ = self.state.changed() => {}
            _ = self.latency.changed() => {}
            _ = self.accepts.changed() => {}
        }
    }

    /// A call of this client can ring, after this time; or its setup failed because of the backend.
    pub fn on_setup(&self, client: ClientId, result: Result<Duration, SetupFailure>) {
        self.breaker.update(|breaker| breaker.on_setup(client, result, Instant::now()));
    }

    /// The link for calls is lost for this reason.
    pub fn on_link_lost(&self, reason: &str) {
        self.breaker.update(|breaker| breaker.on_link_lost(reason, Instant::now()));
    }

    /// Destroys the probe's session and waits until Janus has read that, or does not in time.
    pub async fn stop(self) {
        drop(self.stop_guard);
        let _ = self.task.await;
    }
}

impl BreakerHandle {
    fn state(&self) -> State {
        self.breaker.borrow().state()
    }

    fn update(&self, update: impl FnOnce(&mut Breaker)) {
        self.breaker.send_if_modified(|breaker| {
            let before = breaker.state();
            update(breaker);
            let has_changed = std::mem::discriminant(&before) != std::mem::discriminant(&breaker.state())
                || before.is_probed() != breaker.state().is_probed();
            if has_changed {
                self.report(breaker);
            }
            before != breaker.state()
        });
    }

    fn report(&self, breaker: &Breaker) {
        let (backend, reason) = (&self.backend, breaker.reason());
        metrics::set_breaker(backend, breaker.state().as_metric());
        match breaker.state() {
            State::Closed(_) => tracing::info!(%backend, "the backend works, closing its circuit breaker"),
            State::HalfOpen { .. } => {
                tracing::info!(%backend, reason, "trying the backend with a few calls at a time");
            }
            State::Unprobed => tracing::debug!(%backend, "probing the backend again"),
            State::Open { opened_by: OpenedBy::Probe, .. } => {
                tracing::warn!(%backend, reason, "a probe failed, placing no new calls on the backend");
            }
            State::Open { opened_by: OpenedBy::Calls, .. } => {
                tracing::warn!(%backend, reason, "calls fail, placing new calls on other backends");
            }
        }
    }
}

/// The task that probes.
struct Prober {
    endpoint: Endpoint,
    breaker: Arc<BreakerHandle>,
    state: watch::Receiver<Breaker>,
    /// How many probes in a row got no answer.
    silent: u32,
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
            self.count_silence(error.as_ref());
            let _ = stop.run_until_cancelled(sleep(backoff.next_delay())).await;
        }
    }

    fn count_silence(&mut self, error: Option<&LinkError>) {
        self.silent = if matches!(error, Some(LinkError::Unresponsive)) { self.silent + 1 } else { 0 };
        if self.silent >= MAX_SILENT {
            let now = Instant::now();
            self.breaker.update(|breaker| breaker.on_probe_failure("Janus does not answer", now));
        }
    }

    /// Probes until the connection breaks. Returns the reason.
    async fn watch(&mut self, session: &mut ProbeSession) -> LinkError {
        let mut next_probe = Instant::now();
        loop {
            let due = match self.state.borrow_and_update().state() {
                State::Open { until, opened_by: OpenedBy::Probe } => until,
                State::Open { until, opened_by: OpenedBy::Calls } => next_probe.min(until),
                State::Closed(_) | State::HalfOpen { .. } => next_probe,
                State::Unprobed => Instant::now(),
            };
            tokio::select! {
                biased;
                error = session.broken() => return error,
                _ = self.state.changed() => continue,
                () = sleep_until(due) => {}
            }
            next_probe = Instant::now() + PROBE_INTERVAL;
            if let Err(error) = self.probe(session).await {
                return error;
            }
        }
    }

    async fn probe(&mut self, session: &mut ProbeSession) -> Result<(), LinkError> {
        let started = Instant::now();
        let outcome = session.try_setup().await?;
        let latency = started.elapsed();
        let accepts = session.accepts_sessions().await?;
        self.silent = 0;
        if self.breaker.accepts.send_replace(accepts) != accepts {
            let backend = &self.breaker.backend;
            tracing::warn!(%backend, accepts, "Janus was told by its Admin API whether to accept new sessions");
        }
        metrics::record_probe(&self.breaker.backend, latency);
        self.breaker.latency.send_replace(Some(latency.as_millis() as u64));
        let now = Instant::now();
        match outcome {
            Ok(()) => self.breaker.update(|breaker| breaker.on_probe_success(now)),
            Err(reason) => self.breaker.update(|breaker| breaker.on_probe_failure(&reason, now)),
        }
        Ok(())
    }
}
