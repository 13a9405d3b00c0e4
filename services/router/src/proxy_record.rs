//! Renews the record of Switchboard's proxy in janus-cloud's part of the directory. A janus-cloud proxy that
//! once owned one of our names takes it back as soon as this record expires.

use service::Context;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// As often as janus-cloud does it; the record lives six times as long.
const RENEW_INTERVAL: Duration = Duration::from_secs(10);

/// Renews the record until the router stops.
pub async fn run(context: Context) {
    let mut ticks = interval(RENEW_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = context.directory.renew_proxy().await {
            tracing::warn!(%error, "failed to renew the proxy record for janus-cloud, retrying");
        }
    }
}
