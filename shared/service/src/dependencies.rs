//! Asks the bus and the directory every two seconds whether they are there, and tells [`Health`].
//!
//! [`Health`]: crate::Health

use crate::{Context, Health};
use std::future::Future;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often is asked.
pub const EVERY: Duration = Duration::from_secs(2);
/// How long an answer may take.
pub const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Says that `bus` and `directory` are not known to work yet, then watches them in the background
/// until shutdown. From then on the condition `shutdown` is unmet, so that no new work is sent here.
pub fn watch(context: &Context) {
    context.health.bad("bus", "not reached yet");
    context.health.bad("directory", "not reached yet");
    tokio::spawn(run(context.clone()));
}

async fn run(context: Context) {
    context.shutdown.run_until_cancelled(check_periodically(&context)).await;
    context.health.bad("shutdown", "stopping");
}

async fn check_periodically(context: &Context) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        tokio::join!(
            check(&context.health, "bus", context.bus.ping()),
            check(&context.health, "directory", context.directory.ping()),
        );
    }
}

async fn check<E: std::fmt::Display>(health: &Health, what: &str, ping: impl Future<Output = Result<(), E>>) {
    match timeout(PING_TIMEOUT, ping).await {
        Ok(Ok(())) => health.good(what),
        Ok(Err(error)) => health.bad(what, &error.to_string()),
        Err(_) => health.bad(what, "no answer within 2 seconds"),
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
    async fn an_answer_an_error_and_silence_are_told_apart() {
        let health = Health::default();
        check(&health, "a", async { Ok::<_, String>(()) }).await;
        check(&health, "b", async { Err("refused") }).await;
        check(&health, "c", std::future::pending::<Result<(), String>>()).await;
        let complaint = |name: &str, why: &str| (name.to_owned(), why.to_owned());
        assert_eq!(
            health.reasons(),
            [complaint("b", "refused"), complaint("c", "no answer within 2 seconds")]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn that_the_process_stops_is_said_at_once() {
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
