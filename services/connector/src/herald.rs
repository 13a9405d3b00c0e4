//! Keeps the lease on a backend and announces the backend, beside the loop that serves it, so that a
//! slow directory does not hold up calls. A backend that would take calls is announced as in
//! maintenance while an operator drains it.
//!
//! While the directory cannot be reached the lease is neither renewed nor lost: nobody else can get
//! it either. It is lost when somebody else has it.

use crate::backend::{LeasedBackend, lease_name};
use crate::estate::connector_record;
use crate::options::Server;
use crate::standing::{LeaseState, LeaseWatch};
use bus::message::Notice;
use directory::record::{Backend, BackendStatus, FencingToken};
use service::Context;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often the lease is renewed and the backend announced.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);
/// How long a lease holds without being renewed.
pub const LEASE_TTL: Duration = Duration::from_secs(4);
/// How long an announcement holds.
const ANNOUNCEMENT_TTL: Duration = Duration::from_secs(10);

/// What is to be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendReport {
    /// Whether the backend takes calls.
    pub status: BackendStatus,
    /// Its calls.
    pub calls: usize,
    /// How long its last probe took, in milliseconds.
    pub probe_ms: Option<u64>,
}

impl BackendReport {
    fn drained_if(self, drained: bool) -> Self {
        match self.status {
            BackendStatus::Normal if drained => Self { status: BackendStatus::Maintenance, ..self },
            _ => self,
        }
    }
}

/// The lease of a backend that is being served.
pub struct LeaseRenewer {
    report: watch::Sender<BackendReport>,
    lease: LeaseWatch,
    task: JoinHandle<()>,
}

impl LeaseRenewer {
    /// Begins to keep a lease that was just taken.
    pub fn start(tenure: &LeasedBackend, context: Context) -> Self {
        let LeasedBackend { server, token, expires_at: until, .. } = tenure;
        let (server, token, until) = (server.clone(), *token, *until);
        let (report, states) =
            watch::channel(BackendReport { status: BackendStatus::Abnormal, calls: 0, probe_ms: None });
        let (lease, leases) = watch::channel(LeaseState::Held { until, token });
        let keeping = RenewTask { server, context, reports: states, lease, token };
        Self { report, lease: LeaseWatch::new(leases), task: tokio::spawn(keeping.run()) }
    }

    /// A look at the lease.
    pub fn watch(&self) -> LeaseWatch {
        self.lease.clone()
    }

    /// What is to be announced from now on; a new status at once.
    pub fn report(&self, state: BackendReport) {
        self.report.send_if_modified(|now| {
            let changed = now.status != state.status;
            *now = state;
            changed
        });
    }

    /// Stops keeping the lease.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// What is needed to keep a lease.
struct RenewTask {
    server: Server,
    context: Context,
    reports: watch::Receiver<BackendReport>,
    lease: watch::Sender<LeaseState>,
    token: FencingToken,
}

impl RenewTask {
    async fn run(mut self) {
        let (mut announced, mut drained) = (None, false);
        loop {
            let state = *self.reports.borrow_and_update();
            let asked = Instant::now();
            let (renewed, drains) = tokio::join!(self.renew(), self.context.directory.drained_backends());
            // While nobody knows, it is as it was.
            drained = drains.map_or(drained, |drains| drains.contains(&self.server.name));
            match renewed {
                Ok(Some(token)) => {
                    self.token = token;
                    self.lease.send_replace(LeaseState::Held { until: asked + LEASE_TTL, token });
                    announce(&self.server, &self.context, state.drained_if(drained), &mut announced).await;
                }
                Ok(None) => {
                    self.lease.send_replace(LeaseState::Lost);
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, backend = %self.server.name, "the lease could not be renewed");
                }
            }
            let pause = RENEW_INTERVAL.saturating_sub(asked.elapsed());
            let _ = tokio::time::timeout(pause.max(RENEW_INTERVAL / 10), self.reports.changed()).await;
        }
    }

    /// The lease, unless another connector has or had it. A new token alone does not say so: the
    /// lease may have run out while nobody wanted it, or the directory may have lost everything.
    async fn renew(&self) -> directory::Result<Option<FencingToken>> {
        let Context { directory, id, .. } = &self.context;
        match directory.acquire_lease(&lease_name(&self.server), id, LEASE_TTL).await? {
            Some(token) if token != self.token => {
                let note = connector_record(directory, &self.server.name).await?;
                Ok(note.is_none_or(|note| note.connector == *id).then_some(token))
            }
            renewed => Ok(renewed),
        }
    }
}

async fn announce(
    server: &Server,
    context: &Context,
    state: BackendReport,
    announced: &mut Option<BackendStatus>,
) {
    let backend = Backend {
        name: server.name.clone(),
        url: server.url.clone(),
        status: state.status,
        handles: 2 * state.calls as u64,
        location: String::new(),
        isp: String::new(),
        probe_ms: state.probe_ms,
    };
    let done = match server.is_discovered {
        true => context.directory.announce_discovered(&backend, ANNOUNCEMENT_TTL).await,
        false => context.directory.announce_backend(&backend, ANNOUNCEMENT_TTL).await,
    };
    match done {
        Err(error) => tracing::warn!(%error, backend = %backend.name, "the backend could not be announced"),
        Ok(()) if announced.replace(state.status) != Some(state.status) => {
            let _ = context.bus.publish(&Notice::BackendChanged(backend.name)).await;
        }
        Ok(()) => {}
    }
}
