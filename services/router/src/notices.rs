//! Notices that a router receives. Losing one is harmless, because the router also polls for what they
//! report. The router's own canaries show that notices arrive.

use crate::backends::BackendCache;
use bus::Notices;
use bus::message::Notice;
use service::canary::CanaryTarget;
use service::{Canary, Context};
use std::sync::Arc;
use std::time::Duration;

const STREAM: &str = "notices";

/// Receives notices until the router stops, and sends a canary every `canary_interval`, if at all. The router
/// is not ready before it received its first canary.
pub fn subscribe(
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
