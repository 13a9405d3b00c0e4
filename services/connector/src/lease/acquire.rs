//! Acquires the leases on servers, and serves those whose lease it gets.
//!
//! Connectors that know the same servers share them. Each tries to acquire one lease at a time, and waits
//! longer the more leases it holds, so that the others go first.

use super::renew::LEASE_TTL;
use super::state::{LeasedBackend, lease_name};
use crate::backend::{self, StopReason};
use crate::janus::endpoint::{Dialler, Endpoint};
use crate::options::{BackendSettings, Server};
use crate::outbox::Outbox;
use common::{ErrorLog, warn_failure};
use directory::Error;
use directory::record::FencingToken;
use service::{CancellationToken, Context};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

static ACQUIRING: ErrorLog = ErrorLog::new("acquiring leases");

/// How often a connector tries to acquire a lease that another one holds. It gets a free one within a second.
const ACQUIRE_INTERVAL: Duration = Duration::from_millis(500);
/// How long after an outage of the directory a connector leaves leases to those that held them. They could not renew
/// them; they try so every second.
const HOLDER_FIRST: Duration = Duration::from_secs(2);
/// How much longer a connector waits for each lease that it holds.
const FAIRNESS_DELAY: Duration = Duration::from_millis(100);
/// How many held leases add a delay at most, so that a single connector soon serves many servers.
const MAX_FAIRNESS_STEPS: u32 = 3;

/// Acquires leases for one connector. Clones share the count of leases.
#[derive(Clone)]
pub struct LeaseAcquirer {
    context: Context,
    outbox: Outbox,
    dialler: Dialler,
    leases_held: Arc<Mutex<u32>>,
}

impl LeaseAcquirer {
    pub fn new(context: Context, dialler: Dialler) -> Self {
        let outbox = Outbox::new(context.bus.clone());
        Self { context, outbox, dialler, leases_held: Arc::default() }
    }

    /// Waits until the messages to clients are on the bus.
    pub async fn flush_outbox(self) {
        self.outbox.flush().await;
    }

    /// Serves this server whenever its lease can be acquired, until `stop`.
    pub async fn serve_when_leased(self, server: Server, settings: BackendSettings, stop: CancellationToken) {
        let BackendSettings { policy, credentials, canary } = settings;
        let endpoint = Endpoint { url: server.url.clone(), credentials, dialler: self.dialler.clone() };
        while let Some((token, expires_at)) = stop.run_until_cancelled(self.acquire(&server)).await {
            tracing::info!(backend = %server.name, "acquired the lease, serving the backend");
            let leased = LeasedBackend {
                server: server.clone(),
                endpoint: endpoint.clone(),
                policy: policy.clone(),
                canary,
                token,
                expires_at,
            };
            let reason = backend::serve(leased, self.context.clone(), self.outbox.clone(), &stop).await;
            *self.leases_held.lock().await -= 1;
            if reason == StopReason::Requested {
                return;
            }
        }
    }

    /// Waits until this connector has the lease. Returns its token and when it expires.
    async fn acquire(&self, server: &Server) -> (FencingToken, Instant) {
        let name = lease_name(server);
        let (mut held_by_other, mut record_lost_at, mut failed_at) = (false, None, None::<Instant>);
        loop {
            if held_by_other && failed_at.is_some_and(|at| at.elapsed() < HOLDER_FIRST) {
                // Not with the lease itself: the request may be executed after the outage.
                if self.context.directory.ping().await.is_err() {
                    failed_at = Some(Instant::now());
                }
                sleep(ACQUIRE_INTERVAL).await;
                continue;
            }
            let mut leases_held = self.leases_held.lock().await;
            sleep(FAIRNESS_DELAY * (*leases_held).min(MAX_FAIRNESS_STEPS)).await;
            if held_by_other && !self.may_take_over(server, &mut record_lost_at).await {
                drop(leases_held);
                sleep(ACQUIRE_INTERVAL).await;
                continue;
            }
            let expires_at = Instant::now() + LEASE_TTL;
            match self.context.directory.acquire_lease(&name, &self.context.id, LEASE_TTL).await {
                Ok(Some(token)) => {
                    ACQUIRING.succeeded();
                    *leases_held += 1;
                    return (token, expires_at);
                }
                Ok(None) => {
                    ACQUIRING.succeeded();
                    held_by_other = true;
                }
                Err(error) => {
                    failed_at = Some(Instant::now());
                    warn_failure!(ACQUIRING, %error, backend = %server.name, "failed to acquire the lease, retrying");
                }
            }
            drop(leases_held);
            sleep(ACQUIRE_INTERVAL).await;
        }
    }

    /// Whether a lease that another connector held may be acquired now. A holder without a record means that the
    /// directory has lost its data. The holder still has its calls, so it may acquire the lease first. An error may hide
    /// that loss: a command that waits for the directory can be the first one after it.
    async fn may_take_over(&self, server: &Server, record_lost_at: &mut Option<Instant>) -> bool {
        match self.context.directory.connector_record(&server.name).await {
            Ok(Some(_)) | Err(Error::Malformed { .. }) => {
                *record_lost_at = None;
                true
            }
            Ok(None) => record_lost_at.get_or_insert_with(Instant::now).elapsed() >= LEASE_TTL,
            Err(error @ Error::Unavailable(_)) => {
                warn_failure!(ACQUIRING, %error, backend = %server.name, "failed to read who holds the lease, retrying");
                false
            }
        }
    }
}
