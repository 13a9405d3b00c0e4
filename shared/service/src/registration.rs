//! A service shows that it is there: every [`EVERY`] it announces itself in the directory, with how
//! much it has to do and whether it is ready; that it is not any more, or is again, within [`LOOK_EVERY`].
//! One that stops takes itself out; one that dies is forgotten after [`LIFE`].
//!
//! How it fails: a directory that is away hears nothing, and the next announcement says all again.

use crate::Context;
use common::entropy::unix_millis;
use directory::listing::{self, ServiceState};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How often a service announces itself.
pub const EVERY: Duration = Duration::from_secs(5);
/// For how long an announcement is good.
pub const LIFE: Duration = Duration::from_secs(15);
/// How often it looks whether it is ready.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a service that stops takes to say so.
const DEREGISTER_TIMEOUT: Duration = Duration::from_secs(1);

/// Does the work of a service of this kind, and announces the service until it is done.
pub async fn during<Work: Future>(
    kind: &str,
    context: Context,
    work: impl FnOnce(Context) -> Work,
) -> Work::Output {
    let outcome = tokio::select! {
        biased;
        outcome = work(context.clone()) => outcome,
        never = announce_periodically(kind, &context) => match never {},
    };
    match timeout(DEREGISTER_TIMEOUT, context.directory.deregister_service(&context.id)).await {
        Ok(Ok(())) => {}
        _ => tracing::debug!(id = %context.id, "the directory was not told that a service stops"),
    }
    outcome
}

async fn announce_periodically(kind: &str, context: &Context) -> std::convert::Infallible {
    let mut service = listing::Service {
        id: context.id.clone(),
        kind: kind.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host(),
        since: unix_millis(),
        announced: 0,
        load: BTreeMap::new(),
        state: ServiceState::NotReady,
        complaint: None,
    };
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut announced: Option<Instant> = None;
    loop {
        ticks.tick().await;
        let (state, complaint) = service_state(context);
        if service.state == state && announced.is_some_and(|at| at.elapsed() < EVERY) {
            continue;
        }
        (service.state, service.complaint) = (state, complaint);
        service.load = context.health.load().all();
        service.announced = unix_millis();
        announced = Some(Instant::now());
        if let Err(error) = context.directory.announce_service(&service, LIFE).await {
            tracing::warn!(%error, id = %context.id, "a service could not be announced");
        }
    }
}

/// Whether it takes work, and the first complaint where it does not.
fn service_state(context: &Context) -> (ServiceState, Option<String>) {
    let complaint = context.health.reasons().into_iter().next().map(|(name, why)| format!("{name}: {why}"));
    let state = match &complaint {
        _ if context.shutdown.is_cancelled() => ServiceState::Stopping,
        Some(_) => ServiceState::NotReady,
        None => ServiceState::Ready,
    };
    (state, complaint)
}

/// The name of this machine or container, as its kernel knows it.
fn host() -> String {
    let told = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname"));
    let host = told.ok().or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    host.trim().to_owned()
}

/// How much a service has to do, by what it counts; clones count together.
#[derive(Clone, Default)]
pub struct Load(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Load {
    /// There are so many of these.
    pub fn set(&self, what: &'static str, count: u64) {
        self.lock().insert(what, count);
    }

    /// There is one more, until that is dropped.
    pub fn begin(&self, what: &'static str) -> LoadGuard {
        *self.lock().entry(what).or_default() += 1;
        LoadGuard { load: self.clone(), what }
    }

    /// All counts.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.lock().iter().map(|(what, count)| ((*what).to_owned(), *count)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that a service has to do, until it is dropped.
pub struct LoadGuard {
    load: Load,
    what: &'static str,
}

impl Drop for LoadGuard {
    fn drop(&mut self) {
        if let Some(count) = self.load.lock().get_mut(self.what) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CancellationToken, Health, ShutdownPolicy};
    use bus::Bus;
    use common::ServiceId;
    use directory::Directory;
    use tokio::time::sleep;

    fn context(directory: &Directory) -> Context {
        Context {
            id: ServiceId::fresh("router"),
            bus: Bus::memory(),
            directory: directory.clone(),
            health: Health::default(),
            shutdown: CancellationToken::new(),
            shutdown_policy: ShutdownPolicy { timeout: Duration::ZERO, hand_over: true },
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_is_there_while_it_works_and_gone_when_it_has_stopped() {
        let directory = Directory::memory();
        let context = context(&directory);
        let work = async |context: Context| {
            sleep(LIFE * 2).await;
            let [service] = directory.services().await.unwrap().try_into().unwrap();
            assert_eq!((&service.id, service.kind.as_str()), (&context.id, "router"));
            assert_eq!(service.load, BTreeMap::new());
            assert!(!service.host.is_empty() && service.since > 0 && service.announced >= service.since);
            let busy = context.health.load().begin("requests");
            context.health.load().set("calls", 7);
            sleep(EVERY).await;
            drop(busy);
            directory.services().await.unwrap().remove(0).load
        };
        let load = during("router", context.clone(), work).await;
        assert_eq!(load, [("requests".to_owned(), 1), ("calls".to_owned(), 7)].into());
        assert_eq!(context.health.load().all()["requests"], 0);
        assert_eq!(directory.services().await.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn that_it_is_not_ready_or_stops_is_said_soon_and_why() {
        let directory = Directory::memory();
        let context = context(&directory);
        let work = async |context: Context| {
            let told = async || {
                sleep(LOOK_EVERY * 2).await;
                let service = directory.services().await.unwrap().remove(0);
                (service.state, service.complaint)
            };
            assert_eq!(told().await, (ServiceState::Ready, None));
            context.health.bad("bus", "no answer within 2 seconds");
            let complaint = Some("bus: no answer within 2 seconds".to_owned());
            assert_eq!(told().await, (ServiceState::NotReady, complaint));
            context.health.good("bus");
            assert_eq!(told().await, (ServiceState::Ready, None));
            context.shutdown.cancel();
            assert_eq!(told().await.0, ServiceState::Stopping);
        };
        during("router", context, work).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_dies_is_forgotten() {
        let directory = Directory::memory();
        let work = during("router", context(&directory), |_| std::future::pending::<()>());
        assert!(timeout(Duration::from_secs(1), work).await.is_err());
        assert_eq!(directory.services().await.unwrap().len(), 1);
        sleep(LIFE).await;
        assert_eq!(directory.services().await.unwrap(), []);
    }

    #[test]
    fn two_services_of_one_process_share_conditions_and_not_their_load() {
        let (one, other) = (Health::default(), Health::default());
        let beside = one.with_own_load();
        beside.bad("bus", "refused");
        assert_eq!(one.reasons().len(), 1);
        assert!(other.reasons().is_empty());
        beside.load().set("calls", 7);
        assert!(one.load().all().is_empty());
    }
}
