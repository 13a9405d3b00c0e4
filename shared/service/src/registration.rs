//! Registers a service in the directory, with its load and state.
//!
//! The entry is renewed every [`ANNOUNCE_INTERVAL`], and within [`STATE_CHECK_INTERVAL`] of a change of state, or of
//! when the clock of the machine begins or ceases to differ from Redis' clock.
//! It is removed when the service stops, and expires after [`REGISTRATION_TTL`] when the service dies.
//! Announcements are lost while the directory is unavailable; the next one has the full state again.

use crate::clock_skew::SkewReporter;
use crate::context::Context;
use common::clock::unix_millis;
use common::{ErrorLog, warn_failure};
use directory::listing::{self, ServiceState};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

static REGISTERING: ErrorLog = ErrorLog::new("registering the service");

/// How often a service renews its entry.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(5);
/// How long an entry lives without renewal.
pub const REGISTRATION_TTL: Duration = Duration::from_secs(15);
/// How often the state of the service is compared with the announced one.
const STATE_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How long removing the entry may delay the stop of the service.
const DEREGISTER_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a service of this kind, registered until it returns.
pub async fn run_registered<Work: Future>(
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
        _ => tracing::debug!(id = %context.id, "failed to deregister the service; its entry expires"),
    }
    outcome
}

async fn announce_periodically(kind: &str, context: &Context) -> std::convert::Infallible {
    let mut service = listing::Service {
        id: context.id.clone(),
        kind: kind.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: hostname(),
        since: unix_millis(),
        announced: 0,
        load: BTreeMap::new(),
        state: ServiceState::NotReady,
        complaint: None,
        clock_skew_ms: None,
    };
    let mut skew_reporter = SkewReporter::default();
    let mut ticks = interval(STATE_CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut announced: Option<Instant> = None;
    loop {
        ticks.tick().await;
        let (state, reason) = service_state(context);
        // A failure is no news here: the condition `bus` has the reason.
        let _ = context.bus.measure_clock().await;
        let (skew, skew_changed) = skew_reporter.check();
        if service.state == state
            && !skew_changed
            && announced.is_some_and(|at| at.elapsed() < ANNOUNCE_INTERVAL)
        {
            continue;
        }
        service.state = state;
        service.complaint = reason.or_else(|| context.health.notice());
        service.clock_skew_ms = skew;
        service.load = context.health.load().all();
        service.announced = unix_millis();
        announced = Some(Instant::now());
        let registered = context.directory.announce_service(&service, REGISTRATION_TTL).await;
        if registered.is_ok() {
            REGISTERING.succeeded();
        }
        if let Err(error) = registered {
            warn_failure!(REGISTERING, %error, id = %context.id, "failed to register the service, retrying");
        }
    }
}

/// Returns the state of the service and, if it is not ready, the first reason.
fn service_state(context: &Context) -> (ServiceState, Option<String>) {
    let reason = context.health.reasons().into_iter().next().map(|(name, why)| format!("{name}: {why}"));
    let state = match &reason {
        _ if context.shutdown.is_cancelled() => ServiceState::Stopping,
        Some(_) => ServiceState::NotReady,
        None => ServiceState::Ready,
    };
    (state, reason)
}

/// Returns the name of this machine or container.
fn hostname() -> String {
    let kernel = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname"));
    let name = kernel.ok().or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    name.trim().to_owned()
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
    async fn a_service_is_registered_while_it_runs() {
        let directory = Directory::memory();
        let context = context(&directory);
        let work = async |running: Context| {
            sleep(REGISTRATION_TTL * 2).await;
            let [service] = directory.services().await.unwrap().try_into().unwrap();
            assert_eq!((&service.id, service.kind.as_str()), (&running.id, "router"));
            assert_eq!(service.load, BTreeMap::new());
            assert!(!service.host.is_empty() && service.since > 0 && service.announced >= service.since);
            let busy = running.health.load().begin("requests");
            running.health.load().set("calls", 7);
            sleep(ANNOUNCE_INTERVAL).await;
            drop(busy);
            directory.services().await.unwrap().remove(0).load
        };
        let load = run_registered("router", context.clone(), work).await;
        assert_eq!(load, [("requests".to_owned(), 1), ("calls".to_owned(), 7)].into());
        assert_eq!(context.health.load().all()["requests"], 0);
        assert_eq!(directory.services().await.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_state_is_announced_within_a_second() {
        let directory = Directory::memory();
        let context = context(&directory);
        let work = async |running: Context| {
            let announced = async || {
                sleep(STATE_CHECK_INTERVAL * 2).await;
                let service = directory.services().await.unwrap().remove(0);
                (service.state, service.complaint)
            };
            assert_eq!(announced().await, (ServiceState::Ready, None));
            running.health.set_unready("bus", "no answer within 2 seconds");
            let reason = Some("bus: no answer within 2 seconds".to_owned());
            assert_eq!(announced().await, (ServiceState::NotReady, reason));
            running.health.set_ready("bus");
            assert_eq!(announced().await, (ServiceState::Ready, None));
            running.health.set_notice("addresses", Some("192.0.2.1 calls too often".to_owned()));
            sleep(ANNOUNCE_INTERVAL).await;
            let notice = Some("192.0.2.1 calls too often".to_owned());
            assert_eq!(announced().await, (ServiceState::Ready, notice));
            running.health.set_notice("addresses", None);
            running.shutdown.cancel();
            assert_eq!(announced().await, (ServiceState::Stopping, None));
        };
        run_registered("router", context, work).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_entry_of_a_dead_service_expires() {
        let directory = Directory::memory();
        let work = run_registered("router", context(&directory), |_| std::future::pending::<()>());
        assert!(timeout(Duration::from_secs(1), work).await.is_err());
        assert_eq!(directory.services().await.unwrap().len(), 1);
        sleep(REGISTRATION_TTL).await;
        assert_eq!(directory.services().await.unwrap(), []);
    }
}
