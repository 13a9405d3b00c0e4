//! Notices, as a router hears them: what it would find by looking, only sooner; and its own canaries,
//! which show that it hears any.

use crate::backends::BackendCache;
use bus::Notices;
use bus::message::{Canary as Sign, Notice};
use service::canary::CANARY_TIMEOUT;
use service::{Canary, Context};
use std::sync::Arc;
use std::time::Duration;

const STREAM: &str = "notices";

/// Listens until the router stops; sends a canary every so often, if at all. The router is not ready
/// before it hears the first.
pub fn subscribe(
    context: Context,
    backends: Arc<BackendCache>,
    every: Option<Duration>,
) -> impl Future<Output = ()> + Send {
    let canary = every.map(|every| (Canary::new(context.health.clone(), STREAM, CANARY_TIMEOUT), every));
    async move {
        let notices = context.bus.subscribe().await;
        match canary {
            None => listen(notices, &context, &backends, None).await,
            Some((canary, every)) => {
                let listening = listen(notices, &context, &backends, Some(&canary));
                tokio::join!(listening, send_canaries(&context, &canary, every));
            }
        }
    }
}

async fn listen(mut notices: Notices, context: &Context, backends: &BackendCache, canary: Option<&Canary>) {
    loop {
        match (notices.next().await, canary) {
            (Notice::BackendChanged(_), _) => backends.refresh(),
            (Notice::Canary(sign), Some(canary)) if sign.from == context.id => canary.heard(sign.number),
            _ => {}
        }
    }
}

async fn send_canaries(context: &Context, canary: &Canary, every: Duration) {
    let publish = |number| {
        let sign = Sign { from: context.id.clone(), stream: STREAM.to_owned(), number };
        async move { context.bus.publish(&Notice::Canary(sign)).await }
    };
    canary.keep_sending(every, publish).await;
}
