//! What one view of the cluster cannot show: heartbeats that stop, services that leave, counters that grow.
//! Pure: it takes views and their times, in order.
//!
//! Views are taken only while an operator reads them. After a gap longer than [`MAX_GAP`] no service counts as
//! silent or dead until it has been observed again. Bounds: one entry a service, [`MAX_DEPARTED`] that left,
//! and one entry a view within the window of a counter.

use super::streams::StreamView;
use bus::topic::Log;
use common::ServiceId;
use directory::listing::{Service, ServiceState};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// After this many milliseconds without a view, heartbeats may have been missed.
const MAX_GAP: u64 = 5_000;
/// A service that leaves after this much silence, in milliseconds, has died: one that stops deregisters at once.
const DEATH_SILENCE: u64 = 8_000;
/// For how many milliseconds a service that died, or stopped, is listed.
const DIED_TTL: u64 = 300_000;
const STOPPED_TTL: u64 = 60_000;
const MAX_DEPARTED: usize = 100;
/// Milliseconds over which new dead letters are counted.
pub(super) const DEAD_LETTER_WINDOW: u64 = 300_000;
/// Milliseconds over which redeliveries are counted.
pub(super) const REDELIVERY_WINDOW: u64 = 5_000;

/// The views so far. All times are unix milliseconds by Redis' clock.
#[derive(Default)]
pub(super) struct History {
    last_view: Option<u64>,
    services: BTreeMap<ServiceId, Observed>,
    departed: VecDeque<Departed>,
    dead_letters: Growth,
    redelivered: BTreeMap<String, Growth>,
}

/// A service that is registered.
struct Observed {
    service: Service,
    first_seen: u64,
    /// When its `announced` changed last.
    heartbeat: u64,
}

/// A service that is no longer registered.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Departed {
    pub service: Service,
    pub how: Departure,
    /// When it was missed first.
    pub at: u64,
    #[serde(skip)]
    last_heartbeat: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Departure {
    Died,
    Stopped,
}

impl History {
    /// Records the view of the cluster at `now`.
    pub fn record(&mut self, services: &[Service], streams: &[StreamView], now: u64) {
        let is_gap = self.last_view.is_none_or(|last| now.saturating_sub(last) > MAX_GAP);
        self.last_view = Some(now);
        self.record_services(services, is_gap, now);
        let dead_letters = streams.iter().find(|stream| stream.key == Log::Dead.key());
        self.dead_letters.record(dead_letters.map_or(0, |stream| stream.added), DEAD_LETTER_WINDOW, now);
        self.redelivered.retain(|key, _| streams.iter().any(|stream| stream.key == *key));
        for stream in streams {
            if let Some(total) = stream.redelivered {
                self.redelivered.entry(stream.key.clone()).or_default().record(total, REDELIVERY_WINDOW, now);
            }
        }
    }

    fn record_services(&mut self, services: &[Service], is_gap: bool, now: u64) {
        let mut before = std::mem::take(&mut self.services);
        for service in services {
            let (first_seen, heartbeat) = match before.remove(&service.id) {
                None => (now, now),
                Some(old) if is_gap || old.service.announced != service.announced => (old.first_seen, now),
                Some(old) => (old.first_seen, old.heartbeat),
            };
            self.services
                .insert(service.id.clone(), Observed { service: service.clone(), first_seen, heartbeat });
        }
        for Observed { service, heartbeat, .. } in before.into_values() {
            let is_silent = now.saturating_sub(heartbeat) > DEATH_SILENCE;
            let is_dead = is_silent && !is_gap && service.state != ServiceState::Stopping;
            let how = if is_dead { Departure::Died } else { Departure::Stopped };
            self.departed.push_back(Departed { service, how, at: now, last_heartbeat: heartbeat });
        }
        let current = &self.services;
        self.departed.retain(|left| !current.contains_key(&left.service.id) && left.is_listed(now));
        while self.departed.len() > MAX_DEPARTED {
            self.departed.pop_front();
        }
    }

    /// Returns the milliseconds since the last heartbeat of a service, as far as it was observed.
    pub fn silence(&self, service: &Service, now: u64) -> u64 {
        let observed = self.services.get(&service.id).filter(|_| service.announced > 0);
        observed.map_or(0, |observed| now.saturating_sub(observed.heartbeat))
    }

    /// Returns the services that left lately, the earliest first.
    pub fn departed(&self) -> impl Iterator<Item = &Departed> {
        self.departed.iter()
    }

    /// Returns the services that died, unless another of their kind has registered since.
    pub fn dead(&self) -> impl Iterator<Item = &Departed> {
        let is_replaced = |dead: &Departed| {
            self.services.values().any(|observed| {
                observed.service.kind == dead.service.kind && observed.first_seen > dead.last_heartbeat
            })
        };
        self.departed.iter().filter(move |left| left.how == Departure::Died && !is_replaced(left))
    }

    /// Returns how many messages were dead-lettered within [`DEAD_LETTER_WINDOW`].
    pub fn new_dead_letters(&self) -> u64 {
        self.dead_letters.sum()
    }

    /// Returns how many messages of a queue were redelivered within [`REDELIVERY_WINDOW`].
    pub fn redeliveries(&self, key: &str) -> u64 {
        self.redelivered.get(key).map_or(0, Growth::sum)
    }
}

impl Departed {
    fn is_listed(&self, now: u64) -> bool {
        let ttl = if self.how == Departure::Died { DIED_TTL } else { STOPPED_TTL };
        now.saturating_sub(self.at) < ttl
    }
}

/// By how much a counter grew lately.
#[derive(Default)]
struct Growth {
    total: Option<u64>,
    /// When it grew, and by how much.
    steps: VecDeque<(u64, u64)>,
}

impl Growth {
    fn record(&mut self, total: u64, window: u64, now: u64) {
        self.steps.retain(|(at, _)| now.saturating_sub(*at) < window);
        let grown = self.total.replace(total).map_or(0, |before| total.saturating_sub(before));
        if grown > 0 {
            self.steps.push_back((now, grown));
        }
    }

    fn sum(&self) -> u64 {
        self.steps.iter().map(|(_, by)| by).sum()
    }
}
