//! Whether the queue `peers` and the mailbox of this service are open: a canary that this service puts
//! into the queue, and that whichever rest service takes it sends to that mailbox.
//!
//! How it fails: one that is lost on the way, or that nobody takes in time, is missed, and `/readyz` says
//! so. Proxies that are slow do not hold one up: see `ask.rs`.

use crate::Options;
use bus::message::{self, Body, Message};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, SendError};
use common::ServiceId;
use service::canary::{self, CANARY_TIMEOUT};
use service::{Canary, Context};
use std::future::pending;
use std::time::Duration;

/// The name of both roads together, as there is no telling which of them lost a canary.
const CANARY_NAME: &str = "peers";

/// The two roads as they are watched, or not.
pub(super) struct QueueCanary {
    service: ServiceId,
    canary: Option<(Canary, Duration)>,
}

impl QueueCanary {
    /// Nothing sent yet; not ready before one has come back.
    pub fn new(options: &Options, context: &Context) -> Self {
        let canary = |every| (Canary::new(context.health.clone(), CANARY_NAME, CANARY_TIMEOUT), every);
        Self { service: context.id.clone(), canary: options.canary.interval().map(canary) }
    }

    /// Sends canaries; never ends. To be begun when the mailbox is there.
    pub async fn run(&self, bus: &Bus) {
        let Some((canary, every)) = &self.canary else { return pending().await };
        let send = |number| {
            let message = canary::message(&self.service, CANARY_NAME, number);
            async move {
                // One that is not sent is missed like one that is lost.
                let _ = bus.enqueue(Queue::Proxies, &message).await;
            }
        };
        canary.keep_sending(*every, send).await;
    }

    /// One has come back.
    pub fn on_received(&self, sign: &message::Canary) {
        if let Some((canary, _)) = self.canary.as_ref().filter(|_| sign.from == self.service) {
            canary.heard(sign.number);
        }
    }
}

/// Sends a canary to whoever sent it. A service that is gone does not listen any more.
///
/// # Errors
/// As [`Bus::post`].
pub(super) async fn send_back(bus: &Bus, sign: &message::Canary) -> Result<(), SendError> {
    let message = Message::new(Body::Canary(sign.clone()));
    match bus.post(&Mailbox::Rest(sign.from.clone()), &message).await {
        Err(SendError::NoMailbox) => Ok(()),
        sent => sent,
    }
}
