//! Keeps the lease on a backend and announces the backend, beside the loop that serves it, so that a
//! slow directory does not hold up calls. A backend that would take calls is announced as in
//! maintenance while an operator drains it.
//!
//! While the directory cannot be reached the lease is neither renewed nor lost: nobody else can get
//! it either. It is lost when somebody else has it.

use crate::backend::lease_name;
use crate::options::Server;
use bus::message::Notice;
use directory::record::{Backend, BackendStatus};
use service::Context;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often the lease is renewed and the backend announced.
pub const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How long a lease holds without being renewed.
pub const LEASE_LIFE: Duration = Duration::from_secs(4);
/// How long an announcement holds.
const ANNOUNCE_LIFE: Duration = Duration::from_secs(10);

/// What is to be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Whether the backend takes calls.
    pub status: BackendStatus,
    /// Its calls.
    pub calls: usize,
}

impl State {
    fn drained_if(self, drained: bool) -> Self {
        match self.status {
            BackendStatus::Normal if drained => Self { status: BackendStatus::Maintenance, ..self },
            _ => self,
        }
    }
}

/// The lease of a backend that is being served.
pub struct Herald {
    state: watch::Sender<State>,
    lease: watch::Receiver<Lease>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lease {
    Until(Instant),
    Lost,
}

impl Herald {
    /// Begins to keep a lease that was just taken.
    pub fn start(server: Server, context: Context) -> Self {
        let (state, states) = watch::channel(State { status: BackendStatus::Abnormal, calls: 0 });
        let (lease, leases) = watch::channel(Lease::Until(Instant::now() + LEASE_LIFE));
        let task = tokio::spawn(keep(server, context, states, lease));
        Self { state, lease: leases, task }
    }

    /// Whether the lease is known to be ours at this moment.
    pub fn is_sure(&self) -> bool {
        matches!(*self.lease.borrow(), Lease::Until(end) if Instant::now() < end)
    }

    /// Waits until something about the lease changes: true while it is not lost. Safe to cancel.
    pub async fn changed(&mut self) -> bool {
        self.lease.changed().await.is_ok() && *self.lease.borrow_and_update() != Lease::Lost
    }

    /// What is to be announced from now on; a new status at once.
    pub fn announce(&self, state: State) {
        self.state.send_if_modified(|now| {
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

async fn keep(
    server: Server,
    context: Context,
    mut states: watch::Receiver<State>,
    lease: watch::Sender<Lease>,
) {
    let (mut announced, mut drained, name) = (None, false, lease_name(&server));
    loop {
        let state = *states.borrow_and_update();
        let asked = Instant::now();
        let renewing = context.directory.lease(&name, &context.id, LEASE_LIFE);
        let (renewed, drains) = tokio::join!(renewing, context.directory.drained_backends());
        // While nobody knows, it is as it was.
        drained = drains.map_or(drained, |drains| drains.contains(&server.name));
        match renewed {
            Ok(Some(_)) => {
                lease.send_replace(Lease::Until(asked + LEASE_LIFE));
                announce(&server, &context, state.drained_if(drained), &mut announced).await;
            }
            Ok(None) => {
                lease.send_replace(Lease::Lost);
                return;
            }
            Err(error) => tracing::warn!(%error, backend = %server.name, "the lease could not be renewed"),
        }
        let pause = RENEW_EVERY.saturating_sub(asked.elapsed());
        let _ = tokio::time::timeout(pause.max(RENEW_EVERY / 10), states.changed()).await;
    }
}

async fn announce(server: &Server, context: &Context, state: State, announced: &mut Option<BackendStatus>) {
    let backend = Backend {
        name: server.name.clone(),
        url: server.url.clone(),
        status: state.status,
        handles: 2 * state.calls as u64,
    };
    match context.directory.announce_backend(&backend, ANNOUNCE_LIFE).await {
        Err(error) => tracing::warn!(%error, backend = %backend.name, "the backend could not be announced"),
        Ok(()) if announced.replace(state.status) != Some(state.status) => {
            let _ = context.bus.publish(&Notice::BackendChanged(backend.name)).await;
        }
        Ok(()) => {}
    }
}
