//! Canaries: small messages that a service sends over a stream of the bus and expects back, to check the
//! stream end to end.
//!
//! One [`Canary`] watches one stream. Its condition `canary STREAM` of [`Health`] is unmet until the first
//! message has come back. It is unmet again once a message is missing for [`CANARY_TIMEOUT`] and no later one has
//! come back. A ping of Redis shows less: it works although a reader is stalled, a consumer group is lost, or all
//! routers hang.

use crate::context::Context;
use crate::health::Health;
use crate::metrics::{CANARIES_MISSED, CANARY_SECONDS};
use bus::message::{self, Body, Deadline, Message, Notice};
use bus::topic::{Mailbox, Queue};
use bus::{Bus, SendError};
use common::ServiceId;
use common::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};
use tokio_util::task::AbortOnDropHandle;

/// How long a canary may take to come back.
pub const CANARY_TIMEOUT: Duration = Duration::from_secs(6);
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The canaries of one stream. Clones share them; with the last clone the condition is removed.
#[derive(Clone)]
pub struct Canary(Arc<Inner>);

struct Inner {
    sender: ServiceId,
    stream: String,
    condition: String,
    health: Health,
    in_flight: Mutex<InFlight>,
}

struct InFlight {
    /// When each canary was sent, without those that are back or expired. Bounded by the number sent within
    /// [`CANARY_TIMEOUT`] and one [`CHECK_INTERVAL`].
    sent_at: BTreeMap<u64, Instant>,
    /// When a canary last came back; before the first one, when watching began.
    last_received_at: Instant,
    latest_received: Option<u64>,
}

/// Where the canaries of a stream are sent.
pub enum CanaryTarget {
    /// A queue, whose worker sends them back with [`send_back`].
    Queue(Queue),
    /// A mailbox that the sender itself reads.
    Mailbox(Mailbox),
    /// The notices, which the sender itself reads.
    Notices,
}

impl Canary {
    /// Adds the condition, unmet. `stream` names the stream in the condition and in metrics.
    pub fn new(context: &Context, stream: &str) -> Self {
        Self::with_health(context.id.clone(), context.health.clone(), stream)
    }

    fn with_health(sender: ServiceId, health: Health, stream: &str) -> Self {
        let (stream, condition) = (stream.to_owned(), format!("canary {stream}"));
        health.set_unready(&condition, "nothing received yet");
        metrics::counter!(CANARIES_MISSED, "stream" => stream.clone()).increment(0);
        let in_flight =
            InFlight { sent_at: BTreeMap::new(), last_received_at: Instant::now(), latest_received: None };
        Self(Arc::new(Inner { sender, stream, condition, health, in_flight: Mutex::new(in_flight) }))
    }

    /// Handles a canary that was read. Ignores those of other senders and streams.
    pub fn received(&self, canary: &message::Canary) {
        if canary.from == self.0.sender && canary.stream == self.0.stream {
            self.returned(canary.number);
        }
    }

    /// Adds the condition and sends canaries in the background, see [`run`](Self::run).
    pub fn spawn(context: &Context, stream: &str, target: CanaryTarget, interval: Duration) -> CanaryTask {
        Self::new(context, stream).into_task(context.bus.clone(), target, interval)
    }

    fn into_task(self, bus: Bus, target: CanaryTarget, interval: Duration) -> CanaryTask {
        let canary = self.clone();
        let task = tokio::spawn(async move { canary.run(&bus, &target, interval).await });
        CanaryTask { canary: self, _task: AbortOnDropHandle::new(task) }
    }

    /// Sends a canary at once and then each `interval`, and checks every second for missing ones. Never ends.
    pub async fn run(&self, bus: &Bus, target: &CanaryTarget, interval: Duration) {
        self.run_with(interval, |number| target.send(bus, self.message(number))).await;
    }

    /// Sends with `send`, each time for at most [`CANARY_TIMEOUT`].
    async fn run_with<Sending: Future>(&self, interval: Duration, send: impl Fn(u64) -> Sending) {
        let sending = async {
            let mut ticker = ticker(interval);
            for number in 1.. {
                ticker.tick().await;
                self.sent(number);
                // An error counts like a loss: the canary does not come back.
                let _ = timeout(CANARY_TIMEOUT, send(number)).await;
            }
        };
        let checking = async {
            let mut ticker = ticker(CHECK_INTERVAL);
            loop {
                ticker.tick().await;
                self.check();
            }
        };
        tokio::join!(sending, checking);
    }

    fn message(&self, number: u64) -> message::Canary {
        message::Canary { from: self.0.sender.clone(), stream: self.0.stream.clone(), number }
    }

    /// Records that a canary is about to be sent. Numbers increase.
    fn sent(&self, number: u64) {
        self.0.in_flight.lock().sent_at.insert(number, Instant::now());
    }

    /// Records that a canary is back. An expired one does not count.
    fn returned(&self, number: u64) {
        let mut in_flight = self.0.in_flight.lock();
        let Some(sent_at) = in_flight.sent_at.remove(&number) else { return };
        in_flight.last_received_at = Instant::now();
        in_flight.latest_received = in_flight.latest_received.max(Some(number));
        self.0.health.set_ready(&self.0.condition);
        metrics::histogram!(CANARY_SECONDS, "stream" => self.0.stream.clone()).record(sent_at.elapsed());
    }

    /// Expires the canaries that are missing for too long.
    fn check(&self) {
        let mut in_flight = self.0.in_flight.lock();
        let expired = in_flight.expired();
        for number in &expired {
            in_flight.sent_at.remove(number);
            metrics::counter!(CANARIES_MISSED, "stream" => self.0.stream.clone()).increment(1);
        }
        if expired.iter().any(|number| Some(*number) > in_flight.latest_received) {
            let seconds = in_flight.last_received_at.elapsed().as_secs();
            let reason = format!("nothing received for {seconds} seconds");
            self.0.health.set_unready(&self.0.condition, &reason);
        }
    }
}

fn ticker(period: Duration) -> Interval {
    let mut ticker = interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

/// A [`Canary`] whose messages are being sent, until this is dropped.
pub struct CanaryTask {
    canary: Canary,
    _task: AbortOnDropHandle<()>,
}

impl CanaryTask {
    /// Passes on a canary that the reader of the stream got; see [`Canary::received`].
    pub fn received(&self, canary: &message::Canary) {
        self.canary.received(canary);
    }
}

impl InFlight {
    fn expired(&self) -> Vec<u64> {
        let is_late = |(_, sent): &(&u64, &Instant)| sent.elapsed() >= CANARY_TIMEOUT;
        self.sent_at.iter().filter(is_late).map(|(number, _)| *number).collect()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.health.remove(&self.condition);
    }
}

impl CanaryTarget {
    async fn send(&self, bus: &Bus, canary: message::Canary) -> Result<(), SendError> {
        match self {
            Self::Queue(queue) => bus.enqueue(*queue, &expiring(canary)).await,
            Self::Mailbox(mailbox) => bus.post(mailbox, &expiring(canary)).await,
            Self::Notices => bus.publish(&Notice::Canary(canary)).await,
        }
    }
}

fn expiring(canary: message::Canary) -> Message {
    Message { deadline: Some(Deadline::after(CANARY_TIMEOUT)), ..Message::new(Body::Canary(canary)) }
}

/// Sends a canary that a worker took from a queue back to its sender, whose mailbox is `mailbox`. A missing
/// mailbox is no error: the sender has stopped.
///
/// # Errors
/// As [`Bus::post`].
pub async fn send_back(bus: &Bus, mailbox: &Mailbox, canary: &message::Canary) -> Result<(), SendError> {
    match bus.post(mailbox, &Message::new(Body::Canary(canary.clone()))).await {
        Err(SendError::NoMailbox) => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests;
