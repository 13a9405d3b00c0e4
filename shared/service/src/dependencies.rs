//! Reports in [`Health`] whether bus and directory answer, and take writes. The reason names the command that Redis
//! refuses.

use crate::context::Context;
use crate::health::Health;
use std::future::Future;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often bus and directory are pinged.
pub const PING_INTERVAL: Duration = Duration::from_secs(1);
/// How long an answer may take.
pub const PING_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Adds the conditions `bus` and `directory`, unmet, and checks them in the background until shutdown. The
/// condition `shutdown` is unmet from then on, so that load balancers send no new work.
pub fn watch(context: &Context) {
    context.health.set_unready("bus", "not reached yet");
    context.health.set_unready("directory", "not reached yet");
    let context = context.clone();
    tokio::spawn(async move {
        context.shutdown.run_until_cancelled(check_periodically(&context)).await;
        context.health.set_unready("shutdown", "stopping");
    });
}

async fn check_periodically(context: &Context) {
    let mut ticks = interval(PING_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tokio::join!(
            check(&context.health, "bus", async { context.bus.ping().await.map_err(bus_reason) }),
            check(&context.health, "directory", async {
                context.directory.ping().await.map_err(directory_reason)
            }),
        );
    }
}

/// The name of the condition says that it is the bus.
fn bus_reason(error: bus::SendError) -> String {
    match error {
        bus::SendError::Unavailable(reason) => reason,
        other => other.to_string(),
    }
}

fn directory_reason(error: directory::Error) -> String {
    match error {
        directory::Error::Unavailable(reason) => reason,
        other @ directory::Error::Malformed { .. } => other.to_string(),
    }
}

async fn check<E: std::fmt::Display>(health: &Health, what: &str, ping: impl Future<Output = Result<(), E>>) {
    match timeout(PING_TIMEOUT, ping).await {
        Ok(Ok(())) => health.set_ready(what),
        Ok(Err(error)) => health.set_unready(what, &error.to_string()),
        Err(_) => health.set_unready(what, "no answer within 1.5 seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CancellationToken, ShutdownPolicy};
    use bus::Bus;
    use common::ServiceId;
    use directory::Directory;

    #[tokio::test(start_paused = true)]
    async fn errors_and_timeouts_are_unmet_conditions() {
        let health = Health::default();
        check(&health, "a", async { Ok::<_, String>(()) }).await;
        check(&health, "b", async { Err("refused") }).await;
        check(&health, "c", std::future::pending::<Result<(), String>>()).await;
        let unmet = |name: &str, why: &str| (name.to_owned(), why.to_owned());
        assert_eq!(health.reasons(), [unmet("b", "refused"), unmet("c", "no answer within 1.5 seconds")]);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_is_reported_at_once() {
        let context = Context {
            id: ServiceId::fresh("router"),
            bus: Bus::memory(),
            directory: Directory::memory(),
            health: Health::default(),
            shutdown: CancellationToken::new(),
            shutdown_policy: ShutdownPolicy { timeout: Duration::ZERO, hand_over: true },
        };
        watch(&context);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(context.health.reasons().is_empty());
        context.shutdown.cancel();
        tokio::task::yield_now().await;
        assert_eq!(context.health.reasons(), [("shutdown".to_owned(), "stopping".to_owned())]);
    }
}
