//! Which of its servers this connector serves: those whose lease it gets.
//!
//! Connectors that know the same servers share them: each tries for one lease at a time, and waits
//! the longer the more it has, so that the others come first.

use crate::backend::{self, LeasedBackend, StopReason, lease_name};
use crate::herald::LEASE_TTL;
use crate::janus::site::{Dialler, Endpoint};
use crate::options::{BackendSettings, Server};
use crate::outbox::Outbox;
use directory::record::FencingToken;
use service::{CancellationToken, Context};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How often a lease that another has is asked for: it is to be taken within a second of its end.
const ACQUIRE_INTERVAL: Duration = Duration::from_millis(500);
/// How much longer to wait for each lease that is held already, and for how many of them at most:
/// a connector with many servers must not take a minute to serve them all.
const FAIRNESS_DELAY: Duration = Duration::from_millis(100);
const MAX_FAIRNESS_STEPS: u32 = 3;

/// The leases of a connector; clones share them.
#[derive(Clone)]
pub struct LeaseAcquirer {
    context: Context,
    outbox: Outbox,
    dialler: Dialler,
    leases_held: Arc<Mutex<u32>>,
}

impl LeaseAcquirer {
    /// Without leases.
    pub fn new(context: Context, dialler: Dialler) -> Self {
        let outbox = Outbox::new(context.bus.clone());
        Self { context, outbox, dialler, leases_held: Arc::default() }
    }

    /// Waits until what clients are to hear is on the bus.
    pub async fn flush_outbox(self) {
        self.outbox.flush().await;
    }

    /// Serves this server whenever its lease can be had, until `stop`.
    pub async fn serve_when_leased(self, server: Server, terms: BackendSettings, stop: CancellationToken) {
        let BackendSettings { policy: rules, credentials, canary } = terms;
        let site = Endpoint { url: server.url.clone(), credentials, dialler: self.dialler.clone() };
        while let Some((token, until)) = stop.run_until_cancelled(self.acquire(&server)).await {
            tracing::info!(backend = %server.name, "this connector serves the backend now");
            let (server, site, rules) = (server.clone(), site.clone(), rules.clone());
            let tenure =
                LeasedBackend { server, endpoint: site, policy: rules, canary, token, expires_at: until };
            let stopped = backend::serve(tenure, self.context.clone(), self.outbox.clone(), &stop).await;
            *self.leases_held.lock().await -= 1;
            if stopped == StopReason::Requested {
                return;
            }
        }
    }

    /// Waits until the lease is ours: its token, and its end.
    async fn acquire(&self, server: &Server) -> (FencingToken, Instant) {
        let name = lease_name(server);
        let (mut is_held, mut lost) = (false, None);
        loop {
            // With the lease its holder's note is gone: the directory has lost everything, but the holder
            // still has its calls, and is to be there first.
            match is_held && !self.has_record(server).await {
                true if lost.get_or_insert_with(Instant::now).elapsed() < LEASE_TTL => {
                    tokio::time::sleep(ACQUIRE_INTERVAL).await;
                    continue;
                }
                true => {}
                false => lost = None,
            }
            let mut held = self.leases_held.lock().await;
            tokio::time::sleep(FAIRNESS_DELAY * (*held).min(MAX_FAIRNESS_STEPS)).await;
            let until = Instant::now() + LEASE_TTL;
            match self.context.directory.acquire_lease(&name, &self.context.id, LEASE_TTL).await {
                Ok(Some(token)) => {
                    *held += 1;
                    return (token, until);
                }
                Ok(None) => is_held = true,
                Err(error) => tracing::warn!(%error, backend = %server.name, "no lease could be asked for"),
            }
            drop(held);
            tokio::time::sleep(ACQUIRE_INTERVAL).await;
        }
    }

    /// Whether the holder of the lease has written down what it has there. One who cannot be asked may have.
    async fn has_record(&self, server: &Server) -> bool {
        !matches!(self.context.directory.connector_record(&server.name).await, Ok(None))
    }
}
