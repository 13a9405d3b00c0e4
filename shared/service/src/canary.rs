//! Whether a road of the bus is open, shown by what has to come back over it: canaries.
//!
//! One [`Canary`] watches one road. Whoever sends says so ([`sent`](Canary::sent)), whoever hears it
//! again too ([`heard`](Canary::heard)); the condition `canary ROAD` of [`Health`] is unmet before
//! the first was heard, and again when one has not come back for the road's patience and no later one
//! has either. A ping that is answered says less: a stalled reader, a lost consumer group and routers
//! that all hang leave it unharmed.

use crate::Health;
use crate::metrics::{CANARIES_MISSED, CANARY_SECONDS};
use bus::message::{self, Body, Deadline, Message};
use common::ServiceId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

/// How long a canary may be on its way.
pub const CANARY_TIMEOUT: Duration = Duration::from_secs(6);
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The canaries of one road; clones share them, and with the last the condition is forgotten. A
/// sender must hear its own only, so whoever hears one looks at `from` first.
#[derive(Clone)]
pub struct Canary(Arc<Inner>);

struct Inner {
    name: String,
    condition: String,
    timeout: Duration,
    health: Health,
    in_flight: Mutex<InFlight>,
}

struct InFlight {
    /// When those were sent that have neither come back nor been given up; no more than are sent
    /// between two checks and in the time of one patience.
    sent_at: BTreeMap<u64, Instant>,
    /// When the road was last known to be open, or when it began to be watched.
    last_open: Instant,
    /// The latest that came back.
    heard: Option<u64>,
}

impl Canary {
    /// None heard yet.
    pub fn new(health: Health, road: &str, patience: Duration) -> Self {
        let (name, condition) = (road.to_owned(), format!("canary {road}"));
        health.bad(&condition, "nothing heard yet");
        metrics::counter!(CANARIES_MISSED, "road" => name.clone()).increment(0);
        let flights =
            Mutex::new(InFlight { sent_at: BTreeMap::new(), last_open: Instant::now(), heard: None });
        Self(Arc::new(Inner { name, condition, timeout: patience, health, in_flight: flights }))
    }

    /// One is about to be sent, with a greater number than the last. That it could then not be sent
    /// is found like any other loss.
    pub fn sent(&self, number: u64) {
        self.0.lock().sent_at.insert(number, Instant::now());
    }

    /// One has come back: the road is open. One that was given up before does not count.
    pub fn heard(&self, number: u64) {
        let mut flights = self.0.lock();
        let Some(sent) = flights.sent_at.remove(&number) else { return };
        flights.last_open = Instant::now();
        flights.heard = flights.heard.max(Some(number));
        self.0.health.good(&self.0.condition);
        metrics::histogram!(CANARY_SECONDS, "road" => self.0.name.clone()).record(sent.elapsed());
    }

    /// Gives up those that are out for too long; to be called now and then.
    pub fn check(&self) {
        let mut flights = self.0.lock();
        let lost = flights.expired(self.0.timeout);
        for number in &lost {
            flights.sent_at.remove(number);
            metrics::counter!(CANARIES_MISSED, "road" => self.0.name.clone()).increment(1);
        }
        if lost.iter().any(|number| Some(*number) > flights.heard) {
            let silence = flights.last_open.elapsed().as_secs();
            self.0.health.bad(&self.0.condition, &format!("nothing heard for {silence} seconds"));
        }
    }

    /// Sends one now and again after each time of `every`, numbered from 1, and checks each second;
    /// never ends. A sending that takes longer than the patience is given up.
    pub async fn keep_sending<Sending: Future>(&self, every: Duration, mut send: impl FnMut(u64) -> Sending) {
        let sending = async {
            let mut ticks = ticker(every);
            for number in 1.. {
                ticks.tick().await;
                self.sent(number);
                let _ = timeout(self.0.timeout, send(number)).await;
            }
        };
        tokio::join!(sending, self.check_periodically());
    }

    async fn check_periodically(&self) {
        let mut ticks = ticker(CHECK_INTERVAL);
        loop {
            ticks.tick().await;
            self.check();
        }
    }
}

fn ticker(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight {
    fn expired(&self, patience: Duration) -> Vec<u64> {
        let late = |(_, sent): &(&u64, &Instant)| sent.elapsed() >= patience;
        self.sent_at.iter().filter(late).map(|(number, _)| *number).collect()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.health.remove(&self.condition);
    }
}

/// A canary as it travels in a queue or a mailbox; nobody wants it once it is given up.
pub fn message(from: &ServiceId, road: &str, number: u64) -> Message {
    let canary = message::Canary { from: from.clone(), stream: road.to_owned(), number };
    Message { deadline: Some(Deadline::after(CANARY_TIMEOUT)), ..Message::new(Body::Canary(canary)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn canary() -> (Canary, Health) {
        let health = Health::default();
        (Canary::new(health.clone(), "requests:0", CANARY_TIMEOUT), health)
    }

    fn complaint(health: &Health) -> Option<String> {
        health.reasons().into_iter().map(|(name, why)| format!("{name}: {why}")).next()
    }

    async fn pass(seconds: u64) {
        advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_road_is_good_from_the_first_that_is_heard() {
        let (canary, health) = canary();
        assert_eq!(complaint(&health).unwrap(), "canary requests:0: nothing heard yet");
        canary.sent(1);
        pass(2).await;
        canary.check();
        assert_eq!(complaint(&health).unwrap(), "canary requests:0: nothing heard yet");
        canary.heard(1);
        assert_eq!(complaint(&health), None);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_says_how_long_it_lasts_and_ends_with_the_next_that_is_heard() {
        let (canary, health) = canary();
        canary.sent(1);
        canary.heard(1);
        for number in 2..=6 {
            canary.sent(number);
            pass(2).await;
            canary.check();
            assert_eq!(complaint(&health).is_some(), number > 3, "{number}");
        }
        assert_eq!(complaint(&health).unwrap(), "canary requests:0: nothing heard for 10 seconds");
        canary.heard(6);
        canary.check();
        assert_eq!(complaint(&health), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_lost_between_others_is_no_silence() {
        let (canary, health) = canary();
        canary.sent(1);
        canary.sent(2);
        pass(1).await;
        canary.sent(3);
        canary.heard(3);
        pass(CANARY_TIMEOUT.as_secs()).await;
        canary.check();
        assert_eq!(complaint(&health), None);
        canary.heard(2);
        canary.heard(7);
        assert_eq!(complaint(&health), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_longer_than_the_patience_is_no_silence() {
        let (canary, health) = canary();
        for number in 1..4 {
            canary.check();
            canary.sent(number);
            canary.heard(number);
            pass(60).await;
        }
        canary.check();
        assert_eq!(complaint(&health), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_comes_too_late_opens_no_road() {
        let (canary, health) = canary();
        canary.sent(1);
        pass(7).await;
        canary.check();
        canary.heard(1);
        assert_eq!(complaint(&health).unwrap(), "canary requests:0: nothing heard for 7 seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn sending_goes_on_although_one_sending_hangs() {
        let (canary, health) = canary();
        let heard = canary.clone();
        let send = |number| {
            let heard = heard.clone();
            async move {
                match number {
                    2..5 => std::future::pending().await,
                    _ => heard.heard(number),
                }
            }
        };
        let sending = canary.keep_sending(Duration::from_secs(2), send);
        tokio::pin!(sending);
        let mut until = async |seconds| {
            let _ = timeout(Duration::from_secs(seconds), &mut sending).await;
            complaint(&health)
        };
        assert_eq!(until(1).await, None);
        assert!(until(8).await.is_some());
        assert_eq!(until(20).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_condition_goes_with_the_last_clone() {
        let (canary, health) = canary();
        let other = canary.clone();
        drop(canary);
        assert!(complaint(&health).is_some());
        drop(other);
        assert_eq!(complaint(&health), None);
    }
}
