//! The backends, looked up once a second and when something is said of one, not at every call. How
//! many calls they have is looked up fresh each time.

use crate::numbers;
use crate::placement::{self, Policy};
use bus::message::Site;
use directory::record::{Backend, BackendStatus};
use directory::{Directory, Error};
use protocol::BackendName;
use protocol::outside::chance;
use service::Context;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

const LOOK_UP_EVERY: Duration = Duration::from_secs(1);

/// The backends as last looked up.
pub struct Backends {
    policy: Policy,
    taking_calls: RwLock<Arc<Vec<Backend>>>,
    turn: AtomicUsize,
    changed: Notify,
}

impl Backends {
    /// None yet.
    pub fn new(policy: Policy) -> Self {
        Self { policy, taking_calls: RwLock::default(), turn: AtomicUsize::new(0), changed: Notify::new() }
    }

    /// Chooses one for a call from this site, but none of `tried`: of the nearest only.
    pub async fn choose(
        &self,
        directory: &Directory,
        from: &Site,
        tried: &[BackendName],
    ) -> Result<Option<BackendName>, Error> {
        let all = self.taking_calls.read().unwrap_or_else(PoisonError::into_inner).clone();
        let open: Vec<&Backend> = all.iter().filter(|backend| !tried.contains(&backend.name)).collect();
        let sites =
            open.iter().map(|backend| (backend.location.as_str(), backend.isp.as_str())).collect::<Vec<_>>();
        let near = placement::nearest((&from.location, &from.isp), &sites);
        let open: Vec<&BackendName> = near.into_iter().map(|place| &open[place].name).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let list = placement::shortlist(self.policy, open.len(), turn, chance());
        let names: Vec<BackendName> = list.into_iter().map(|place| open[place].clone()).collect();
        if names.len() < 2 {
            return Ok(names.into_iter().next());
        }
        let calls = directory.live_calls(&names).await?;
        let chosen = placement::choose(self.policy, &calls, chance());
        Ok(names.into_iter().nth(chosen))
    }

    /// Looks them up until the router stops.
    pub async fn keep(self: Arc<Self>, context: Context) {
        loop {
            match context.directory.backends().await {
                Ok(backends) => self.set(&backends, &context),
                Err(error) => tracing::warn!(%error, "the backends could not be looked up"),
            }
            let _ = timeout(LOOK_UP_EVERY, self.changed.notified()).await;
        }
    }

    /// One has changed: they are looked up at once.
    pub fn look_again(&self) {
        self.changed.notify_one();
    }

    fn set(&self, backends: &[Backend], context: &Context) {
        let takes_calls = |backend: &&Backend| backend.status == BackendStatus::Normal;
        let open: Vec<Backend> = backends.iter().filter(takes_calls).cloned().collect();
        numbers::backends(open.len());
        match open.is_empty() {
            true => context.health.bad("backends", "no media server takes calls"),
            false => context.health.good("backends"),
        }
        *self.taking_calls.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(open);
    }
}
