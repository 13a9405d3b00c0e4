//! Renews the lease on a backend and announces the backend. Both run beside the loop that serves it, so
//! that a slow directory does not delay calls. A healthy backend that an operator drains is announced as
//! in maintenance.
//!
//! While the directory cannot be reached, the lease is neither renewed nor lost: no other connector can
//! acquire it either. It is lost when another connector has acquired it.

use super::state::{LeaseState, LeaseWatch, LeasedBackend, lease_name};
use crate::options::Server;
use crate::persist::recovery::connector_record;
use bus::message::Notice;
use common::{ErrorLog, warn_failure};
use directory::record::{Backend, BackendHealth, BackendStatus, BreakerState, FencingToken};
use service::Context;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

static RENEWING: ErrorLog = ErrorLog::new("renewing leases");
static ANNOUNCING: ErrorLog = ErrorLog::new("announcing backends");

/// How often the lease is renewed and the backend announced.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);
/// How long a lease lasts without being renewed.
pub const LEASE_TTL: Duration = Duration::from_secs(4);
const ANNOUNCEMENT_TTL: Duration = Duration::from_secs(10);

/// What is announced of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendReport {
    pub status: BackendStatus,
    pub calls: usize,
    /// How long the last probe took, in milliseconds.
    pub probe_ms: Option<u64>,
    pub health: BackendHealth,
}

impl Default for BackendReport {
    /// A backend without a link to Janus.
    fn default() -> Self {
        let health = BackendHealth { reason: "no connection to Janus yet".to_owned(), ..Default::default() };
        Self { status: BackendStatus::Abnormal, calls: 0, probe_ms: None, health }
    }
}

impl BackendReport {
    /// What routers must know at once.
    fn state(&self) -> (BackendStatus, BreakerState) {
        (self.status, self.health.breaker)
    }

    fn drained_if(self, drained: bool) -> Self {
        match self.status {
            BackendStatus::Normal if drained => Self { status: BackendStatus::Maintenance, ..self },
            _ => self,
        }
    }
}

/// The task that renews a lease.
pub struct LeaseRenewer {
    report: watch::Sender<BackendReport>,
    lease: LeaseWatch,
    task: JoinHandle<()>,
}

impl LeaseRenewer {
    /// Begins to renew a lease that was just acquired.
    pub fn start(leased: &LeasedBackend, context: Context) -> Self {
        let LeasedBackend { server, token, expires_at, .. } = leased;
        let (report, reports) = watch::channel(BackendReport::default());
        let (lease, leases) = watch::channel(LeaseState::Held { until: *expires_at, token: *token });
        let task = RenewTask { server: server.clone(), context, reports, lease, token: *token };
        Self { report, lease: LeaseWatch::new(leases), task: tokio::spawn(task.run()) }
    }

    pub fn watch(&self) -> LeaseWatch {
        self.lease.clone()
    }

    /// Announces this report from now on; at once if the status or the breaker has changed.
    pub fn report(&self, report: BackendReport) {
        self.report.send_if_modified(|announced| {
            let changed = announced.state() != report.state();
            *announced = report;
            changed
        });
    }

    /// Stops renewing the lease.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

struct RenewTask {
    server: Server,
    context: Context,
    reports: watch::Receiver<BackendReport>,
    lease: watch::Sender<LeaseState>,
    token: FencingToken,
}

impl RenewTask {
    async fn run(mut self) {
        let (mut announced, mut is_drained) = (None, false);
        loop {
            let report = self.reports.borrow_and_update().clone();
            let started = Instant::now();
            let (renewed, drained) = tokio::join!(self.renew(), self.context.directory.drained_backends());
            // While the directory cannot be reached, the last known value is used.
            is_drained = drained.map_or(is_drained, |drained| drained.contains(&self.server.name));
            match renewed {
                Ok(Some(token)) => {
                    RENEWING.succeeded();
                    self.token = token;
                    self.lease.send_replace(LeaseState::Held { until: started + LEASE_TTL, token });
                    let report = report.drained_if(is_drained);
                    announce(&self.server, &self.context, report, &mut announced).await;
                }
                Ok(None) => {
                    self.lease.send_replace(LeaseState::Lost);
                    return;
                }
                Err(error) => {
                    warn_failure!(RENEWING, %error, backend = %self.server.name, "failed to renew the lease, retrying");
                }
            }
            let pause = RENEW_INTERVAL.saturating_sub(started.elapsed());
            let _ = tokio::time::timeout(pause.max(RENEW_INTERVAL / 10), self.reports.changed()).await;
        }
    }

    /// Renews the lease. Returns none if another connector has or had it. A new token alone does not mean
    /// that: the lease may have expired, or the directory may have lost its data.
    async fn renew(&self) -> directory::Result<Option<FencingToken>> {
        let Context { directory, id, .. } = &self.context;
        match directory.acquire_lease(&lease_name(&self.server), id, LEASE_TTL).await? {
            Some(token) if token != self.token => {
                let record = connector_record(directory, &self.server.name).await?;
                Ok(record.is_none_or(|record| record.connector == *id).then_some(token))
            }
            renewed => Ok(renewed),
        }
    }
}

async fn announce(
    server: &Server,
    context: &Context,
    report: BackendReport,
    announced: &mut Option<(BackendStatus, BreakerState)>,
) {
    let state = report.state();
    let backend = Backend {
        name: server.name.clone(),
        url: server.url.clone(),
        status: report.status,
        handles: 2 * report.calls as u64,
        location: String::new(),
        isp: String::new(),
        probe_ms: report.probe_ms,
        health: report.health,
    };
    let outcome = if server.is_discovered {
        context.directory.announce_discovered(&backend, ANNOUNCEMENT_TTL).await
    } else {
        context.directory.announce_backend(&backend, ANNOUNCEMENT_TTL).await
    };
    if outcome.is_ok() {
        ANNOUNCING.succeeded();
    }
    match outcome {
        Err(error) => {
            warn_failure!(ANNOUNCING, %error, backend = %backend.name, "failed to announce the backend, retrying");
        }
        Ok(()) if announced.replace(state) != Some(state) => {
            let _ = context.bus.publish(&Notice::BackendChanged(backend.name)).await;
        }
        Ok(()) => {}
    }
}
