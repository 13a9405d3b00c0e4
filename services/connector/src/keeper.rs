//! Which of its servers this connector serves: those whose lease it gets.
//!
//! Connectors that know the same servers share them: each tries for one lease at a time, and waits
//! the longer the more it has, so that the others come first.

use crate::backend::{self, Stopped, Tenure, lease_name};
use crate::herald::LEASE_LIFE;
use crate::janus::site::{Dialler, Site};
use crate::options::{Server, Terms};
use crate::outbox::Outbox;
use directory::record::Token;
use service::{CancellationToken, Context};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How often a lease that another has is asked for: it is to be taken within a second of its end.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How much longer to wait for each lease that is held already, and for how many of them at most:
/// a connector with many servers must not take a minute to serve them all.
const MODESTY: Duration = Duration::from_millis(100);
const MODEST_UP_TO: u32 = 3;

/// The leases of a connector; clones share them.
#[derive(Clone)]
pub struct Keeper {
    context: Context,
    outbox: Outbox,
    dialler: Dialler,
    held: Arc<Mutex<u32>>,
}

impl Keeper {
    /// Without leases.
    pub fn new(context: Context, dialler: Dialler) -> Self {
        let outbox = Outbox::new(context.bus.clone());
        Self { context, outbox, dialler, held: Arc::default() }
    }

    /// Waits until what clients are to hear is on the bus.
    pub async fn finish(self) {
        self.outbox.finish().await;
    }

    /// Serves this server whenever its lease can be had, until `stop`.
    pub async fn keep(self, server: Server, terms: Terms, stop: CancellationToken) {
        let Terms { rules, credentials, canary } = terms;
        let site = Site { url: server.url.clone(), credentials, dialler: self.dialler.clone() };
        while let Some((token, until)) = stop.run_until_cancelled(self.lease(&server)).await {
            tracing::info!(backend = %server.name, "this connector serves the backend now");
            let (server, site, rules) = (server.clone(), site.clone(), rules.clone());
            let tenure = Tenure { server, site, rules, canary, token, until };
            let stopped = backend::serve(tenure, self.context.clone(), self.outbox.clone(), &stop).await;
            *self.held.lock().await -= 1;
            if stopped == Stopped::Asked {
                return;
            }
        }
    }

    /// Waits until the lease is ours: its token, and its end.
    async fn lease(&self, server: &Server) -> (Token, Instant) {
        let name = lease_name(server);
        let (mut is_held, mut lost) = (false, None);
        loop {
            // With the lease its holder's note is gone: the directory has lost everything, but the holder
            // still has its calls, and is to be there first.
            match is_held && !self.is_noted(server).await {
                true if lost.get_or_insert_with(Instant::now).elapsed() < LEASE_LIFE => {
                    tokio::time::sleep(ASK_EVERY).await;
                    continue;
                }
                true => {}
                false => lost = None,
            }
            let mut held = self.held.lock().await;
            tokio::time::sleep(MODESTY * (*held).min(MODEST_UP_TO)).await;
            let until = Instant::now() + LEASE_LIFE;
            match self.context.directory.lease(&name, &self.context.id, LEASE_LIFE).await {
                Ok(Some(token)) => {
                    *held += 1;
                    return (token, until);
                }
                Ok(None) => is_held = true,
                Err(error) => tracing::warn!(%error, backend = %server.name, "no lease could be asked for"),
            }
            drop(held);
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Whether the holder of the lease has written down what it has there. One who cannot be asked may have.
    async fn is_noted(&self, server: &Server) -> bool {
        !matches!(self.context.directory.backend_note(&server.name).await, Ok(None))
    }
}
