//! A cached list of the backends that take calls, refreshed every second and on each change notice. The
//! number of calls on a backend is not cached: it is read for every choice.

use crate::metrics;
use crate::placement::{self, Policy};
use bus::message::Location;
use common::BackendName;
use common::entropy::random_u64;
use common::sync::Mutex;
use directory::record::{Backend, BackendStatus};
use directory::{Directory, Error};
use service::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

pub struct BackendCache {
    policy: Policy,
    available: Mutex<Arc<Vec<Backend>>>,
    /// Counts the choices, for the round-robin policy.
    round_robin: AtomicUsize,
    refresh_requested: Notify,
}

impl BackendCache {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            available: Mutex::default(),
            round_robin: AtomicUsize::new(0),
            refresh_requested: Notify::new(),
        }
    }

    /// Chooses one of the backends nearest to `from`, but none of `tried`.
    pub async fn choose(
        &self,
        directory: &Directory,
        from: &Location,
        tried: &[BackendName],
    ) -> Result<Option<BackendName>, Error> {
        let available = self.available.lock().clone();
        let untried: Vec<&Backend> =
            available.iter().filter(|backend| !tried.contains(&backend.name)).collect();
        let locations: Vec<_> =
            untried.iter().map(|backend| (backend.location.as_str(), backend.isp.as_str())).collect();
        let nearest = placement::nearest((&from.location, &from.isp), &locations);
        let turn = self.round_robin.fetch_add(1, Ordering::Relaxed);
        let shortlist = placement::shortlist(self.policy, nearest.len(), turn, random_u64());
        let names: Vec<BackendName> =
            shortlist.into_iter().map(|index| untried[nearest[index]].name.clone()).collect();
        if names.len() < 2 {
            return Ok(names.into_iter().next());
        }
        let calls = directory.count_calls(&names).await?;
        let chosen = placement::choose(self.policy, &calls, random_u64());
        Ok(names.into_iter().nth(chosen))
    }

    /// Refreshes the list until the router stops.
    pub async fn run(self: Arc<Self>, context: Context) {
        loop {
            match context.directory.backends().await {
                Ok(backends) => self.update(&backends, &context),
                Err(error) => tracing::warn!(%error, "failed to list the backends, keeping the last list"),
            }
            let _ = timeout(REFRESH_INTERVAL, self.refresh_requested.notified()).await;
        }
    }

    /// Requests a refresh of the list now.
    pub fn refresh(&self) {
        self.refresh_requested.notify_one();
    }

    fn update(&self, backends: &[Backend], context: &Context) {
        let takes_calls = |backend: &&Backend| backend.status == BackendStatus::Normal;
        let available: Vec<Backend> = backends.iter().filter(takes_calls).cloned().collect();
        metrics::set_backends(available.len());
        if available.is_empty() {
            context.health.set_unready("backends", "no media server takes calls");
        } else {
            context.health.set_ready("backends");
        }
        *self.available.lock() = Arc::new(available);
    }
}
