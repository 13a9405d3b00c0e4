//! Keeps our names alive for peers, rest services or not: a janus-cloud proxy that had one of them before
//! takes it back as soon as nobody keeps the record of the proxy that has it now.

use service::Context;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// janus-cloud's own interval; the record holds six times as long.
const RENEW_INTERVAL: Duration = Duration::from_secs(10);

/// Keeps them alive until the router stops.
pub async fn run(context: Context) {
    let mut ticks = interval(RENEW_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = context.directory.renew_proxy().await {
            tracing::warn!(%error, "our names could not be kept alive for peers");
        }
    }
}
