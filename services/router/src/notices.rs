//! Notices that a router receives. Losing one is harmless, because the router also polls for what they
//! report. The router's own canaries show that notices arrive.

use crate::backends::BackendCache;
use bus::Notices;
use bus::message::{self, Notice};
use service::canary::CANARY_TIMEOUT;
use service::{Canary, Context};
use std::sync::Arc;
use std::time::Duration;

const STREAM: &str = "notices";

/// Receives notices until the router stops, and sends a canary every `interval`, if at all. The router is not
/// ready before it received its first canary.
pub fn subscribe(
    context: Context,
    backends: Arc<BackendCache>,
    interval: Option<Duration>,
) -> impl Future<Output = ()> + Send {
    let canary =
        interval.map(|interval| (Canary::new(context.health.clone(), STREAM, CANARY_TIMEOUT), interval));
    async move {
        let notices = context.bus.subscribe().await;
        match canary {
            None => receive(notices, &context, &backends, None).await,
            Some((canary, interval)) => {
                let receiving = receive(notices, &context, &backends, Some(&canary));
                tokio::join!(receiving, send_canaries(&context, &canary, interval));
            }
        }
    }
}

async fn receive(mut notices: Notices, context: &Context, backends: &BackendCache, canary: Option<&Canary>) {
    loop {
        match (notices.next().await, canary) {
            (Notice::BackendChanged(_), _) => backends.refresh(),
            (Notice::Canary(received), Some(canary)) if received.from == context.id => {
                canary.heard(received.number);
            }
            _ => {}
        }
    }
}

async fn send_canaries(context: &Context, canary: &Canary, interval: Duration) {
    let publish = |number| {
        let canary = message::Canary { from: context.id.clone(), stream: STREAM.to_owned(), number };
        async move { context.bus.publish(&Notice::Canary(canary)).await }
    };
    canary.keep_sending(interval, publish).await;
}
