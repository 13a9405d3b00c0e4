//! What a router does beside requests: it receives notices, and renews the record of Switchboard's proxy in
//! janus-cloud's part of the directory.
//!
//! Losing a notice is harmless, because the router also polls for what notices report. The router's own
//! canaries show that notices arrive.

use crate::backends::BackendCache;
use bus::Notices;
use bus::message::Notice;
use common::{ErrorLog, warn_failure};
use service::canary::CanaryTarget;
use service::{Canary, Context};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

static RENEWING: ErrorLog = ErrorLog::new("renewing the proxy record");

const STREAM: &str = "notices";
/// The interval of janus-cloud. The record expires after six of them.
const RENEW_INTERVAL: Duration = Duration::from_secs(10);

/// Receives notices until the router stops. With `canary_interval` it also sends canaries, and the router is
/// not ready before it has received the first one.
pub fn receive_notices(
    context: Context,
    backends: Arc<BackendCache>,
    canary_interval: Option<Duration>,
) -> impl Future<Output = ()> + Send {
    let canary = canary_interval.map(|interval| (Canary::new(&context, STREAM), interval));
    async move {
        let notices = context.bus.subscribe().await;
        match canary {
            None => receive(notices, &backends, None).await,
            Some((own, interval)) => {
                let receiving = receive(notices, &backends, Some(&own));
                tokio::join!(receiving, own.run(&context.bus, &CanaryTarget::Notices, interval));
            }
        }
    }
}

async fn receive(mut notices: Notices, backends: &BackendCache, canary: Option<&Canary>) {
    loop {
        match (notices.next().await, canary) {
            (Notice::BackendChanged(_), _) => backends.refresh(),
            (Notice::Canary(message), Some(own)) => own.received(&message),
            _ => {}
        }
    }
}

/// Renews the proxy record until the router stops. A janus-cloud proxy that once owned one of our names takes it
/// back as soon as this record expires.
pub async fn renew_proxy_record(context: Context) {
    let mut ticks = interval(RENEW_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let renewed = context.directory.renew_proxy().await;
        if renewed.is_ok() {
            RENEWING.succeeded();
        }
        if let Err(error) = renewed {
            warn_failure!(RENEWING, %error, "failed to renew the proxy record for janus-cloud, retrying");
        }
    }
}
