//! The backends, looked up once a second and when something is said of one, not at every call. How
//! many calls they have is looked up fresh each time.

use crate::numbers;
use crate::placement::{self, Policy};
use bus::message::Location;
use common::BackendName;
use common::entropy::random_u64;
use directory::record::{Backend, BackendStatus};
use directory::{Directory, Error};
use service::Context;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// The backends as last looked up.
pub struct BackendCache {
    policy: Policy,
    available: RwLock<Arc<Vec<Backend>>>,
    round_robin: AtomicUsize,
    refresh_requested: Notify,
}

impl BackendCache {
    /// None yet.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            available: RwLock::default(),
            round_robin: AtomicUsize::new(0),
            refresh_requested: Notify::new(),
        }
    }

    /// Chooses one for a call from this site, but none of `tried`: of the nearest only.
    pub async fn choose(
        &self,
        directory: &Directory,
        from: &Location,
        tried: &[BackendName],
    ) -> Result<Option<BackendName>, Error> {
        let all = self.available.read().unwrap_or_else(PoisonError::into_inner).clone();
        let open: Vec<&Backend> = all.iter().filter(|backend| !tried.contains(&backend.name)).collect();
        let sites =
            open.iter().map(|backend| (backend.location.as_str(), backend.isp.as_str())).collect::<Vec<_>>();
        let near = placement::nearest((&from.location, &from.isp), &sites);
        let open: Vec<&BackendName> = near.into_iter().map(|place| &open[place].name).collect();
        let turn = self.round_robin.fetch_add(1, Ordering::Relaxed);
        let list = placement::shortlist(self.policy, open.len(), turn, random_u64());
        let names: Vec<BackendName> = list.into_iter().map(|place| open[place].clone()).collect();
        if names.len() < 2 {
            return Ok(names.into_iter().next());
        }
        let calls = directory.count_calls(&names).await?;
        let chosen = placement::choose(self.policy, &calls, random_u64());
        Ok(names.into_iter().nth(chosen))
    }

    /// Looks them up until the router stops.
    pub async fn run(self: Arc<Self>, context: Context) {
        loop {
            match context.directory.backends().await {
                Ok(backends) => self.update(&backends, &context),
                Err(error) => tracing::warn!(%error, "the backends could not be looked up"),
            }
            let _ = timeout(REFRESH_INTERVAL, self.refresh_requested.notified()).await;
        }
    }

    /// One has changed: they are looked up at once.
    pub fn refresh(&self) {
        self.refresh_requested.notify_one();
    }

    fn update(&self, backends: &[Backend], context: &Context) {
        let takes_calls = |backend: &&Backend| backend.status == BackendStatus::Normal;
        let open: Vec<Backend> = backends.iter().filter(takes_calls).cloned().collect();
        numbers::set_backends(open.len());
        match open.is_empty() {
            true => context.health.bad("backends", "no media server takes calls"),
            false => context.health.good("backends"),
        }
        *self.available.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(open);
    }
}
