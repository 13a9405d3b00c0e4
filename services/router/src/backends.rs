//! A cached list of the backends that take calls, refreshed every second and on each change notice. The
//! number of calls on a backend is not cached: it is read for every choice.

use crate::ejection;
use crate::metrics;
use crate::placement::{self, Load, Policy};
use bus::message::Location;
use common::entropy::random_u64;
use common::sync::Mutex;
use common::{BackendName, ErrorLog, warn_failure};
use directory::record::Backend;
use directory::{Directory, Error};
use service::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

static LISTING: ErrorLog = ErrorLog::new("listing the backends");

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

    /// Whether another backend can take a call that fails on `chosen`.
    pub fn has_fallback(&self, chosen: &BackendName, tried: &[BackendName]) -> bool {
        let is_other = |backend: &Backend| backend.name != *chosen && !tried.contains(&backend.name);
        self.available.lock().iter().any(is_other)
    }

    /// Chooses one of the backends nearest to `from`, but none of `tried`.
    pub async fn choose(
        &self,
        directory: &Directory,
        from: &Location,
        tried: &[BackendName],
    ) -> Result<Option<BackendName>, Error> {
        let available = self.available.lock().clone();
        let untried = ejection::candidates(&available, tried, random_u64());
        let locations: Vec<_> =
            untried.iter().map(|backend| (backend.location.as_str(), backend.isp.as_str())).collect();
        let nearest = placement::nearest((&from.location, &from.isp), &locations);
        let turn = self.round_robin.fetch_add(1, Ordering::Relaxed);
        let shortlist = placement::shortlist(self.policy, nearest.len(), turn, random_u64());
        let shortlist: Vec<&Backend> = shortlist.into_iter().map(|index| untried[nearest[index]]).collect();
        let names: Vec<BackendName> = shortlist.iter().map(|backend| backend.name.clone()).collect();
        if names.len() < 2 {
            return Ok(names.into_iter().next());
        }
        let calls = directory.count_calls(&names).await?;
        let load = |(backend, count): (&&Backend, u64)| Load {
            calls: count,
            failed_percent: backend.health.failed_percent,
            setup_ms: backend.health.setup_ms,
        };
        let loads: Vec<Load> = shortlist.iter().zip(calls).map(load).collect();
        let chosen = placement::choose(self.policy, &loads, random_u64());
        Ok(names.into_iter().nth(chosen))
    }

    /// Refreshes the list until the router stops.
    pub async fn run(self: Arc<Self>, context: Context) {
        loop {
            match context.directory.backends().await {
                Ok(backends) => {
                    LISTING.succeeded();
                    self.update(&backends, &context);
                }
                Err(error) => {
                    warn_failure!(LISTING, %error, "failed to list the backends, keeping the last list")
                }
            }
            let _ = timeout(REFRESH_INTERVAL, self.refresh_requested.notified()).await;
        }
    }

    /// Requests a refresh of the list now.
    pub fn refresh(&self) {
        self.refresh_requested.notify_one();
    }

    fn update(&self, backends: &[Backend], context: &Context) {
        let available = ejection::available(backends);
        metrics::set_backends(available.len());
        if available.is_empty() {
            context.health.set_unready("backends", "no media server takes calls");
        } else {
            context.health.set_ready("backends");
        }
        *self.available.lock() = Arc::new(available);
    }
}
