//! The faults of a run: how they begin and end.

use super::cluster::{BACKENDS, Kind};
use super::simulation::Simulation;
use std::time::Duration;
use tokio::time::Instant;

/// How late an event may arrive that a frozen edge held back.
const MAX_LATENESS: Duration = Duration::from_secs(15);

const RETRY_DELAY: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A service is killed, and another one is started in its slot later.
    Killed(Kind, usize),
    /// A service is frozen.
    Frozen(Kind, usize),
    /// A service is stopped, and another one is started in its slot later.
    Stopped(Kind, usize),
    /// Bus and directory are unreachable.
    StoreAway,
    /// A media server dies, and returns without its state.
    JanusDies(usize),
    /// A media server stops answering.
    JanusStops(usize),
    /// The plugin of a media server stops answering.
    PluginFreezes(usize),
    /// The connections of a media server break.
    JanusCut(usize),
    /// The media of all calls on a server are lost.
    MediaLost(usize),
    /// A backend is drained.
    Drained(usize),
    /// A client does not read.
    Slow(usize),
}

impl Fault {
    /// The shortest and longest duration in milliseconds.
    fn duration_range(self) -> (usize, usize) {
        match self {
            Self::Killed(..) | Self::Stopped(..) => (200, 6_000),
            Self::Frozen(..) => (100, 9_000),
            Self::StoreAway => (100, 4_000),
            Self::JanusDies(_) | Self::JanusStops(_) | Self::PluginFreezes(_) => (300, 8_000),
            Self::Drained(_) => (1_000, 20_000),
            Self::Slow(_) => (100, 5_000),
            Self::JanusCut(_) | Self::MediaLost(_) => (0, 1),
        }
    }

    /// Whether it affects a service, or what all services need.
    pub fn is_of_services(self) -> bool {
        matches!(self, Self::Killed(..) | Self::Frozen(..) | Self::Stopped(..) | Self::StoreAway)
    }

    /// Whether it affects this backend.
    pub fn is_of_backend(self, index: usize) -> bool {
        let of = match self {
            Self::JanusDies(of) | Self::JanusStops(of) | Self::PluginFreezes(of) => of,
            Self::JanusCut(of) | Self::MediaLost(of) | Self::Drained(of) => of,
            _ => return false,
        };
        of == index
    }

    /// Whether it excludes another fault: at least one service of each kind keeps running.
    fn excludes(self, other: Self) -> bool {
        match (self, other) {
            (
                Self::Killed(one, _) | Self::Frozen(one, _) | Self::Stopped(one, _),
                Self::Killed(two, _) | Self::Frozen(two, _) | Self::Stopped(two, _),
            ) => one == two,
            (Self::Stopped(..), Self::StoreAway) | (Self::StoreAway, Self::Stopped(..)) => true,
            (Self::Slow(one), Self::Slow(two)) => one == two,
            (Self::Slow(_), _) | (_, Self::Slow(_)) => false,
            (Self::Drained(_), Self::Drained(_)) => true,
            (Self::Drained(_), _) | (_, Self::Drained(_)) => false,
            (Self::StoreAway, Self::StoreAway) => true,
            (Self::StoreAway, _) | (_, Self::StoreAway) => false,
            _ => true,
        }
    }
}

impl Simulation {
    /// Injects a fault, unless an active one excludes it.
    pub async fn inject(&mut self, fault: Fault) {
        if self.due.iter().any(|(_, other)| fault.excludes(*other)) {
            return;
        }
        let (least, most) = fault.duration_range();
        let duration = Duration::from_millis((least + self.rng.below(most - least)) as u64);
        self.trace.note("!", format_args!("{fault:?} for {duration:?}"));
        self.last_fault = Some(Instant::now());
        self.allow_inconsistencies(fault);
        match fault {
            Fault::Killed(kind, slot) => self.cluster.kill(kind, slot),
            Fault::Frozen(kind, slot) => self.cluster.freeze(kind, slot),
            Fault::Stopped(kind, slot) => self.cluster.stop(kind, slot).await,
            Fault::StoreAway => {
                self.away_since = Some(Instant::now());
                self.cluster.set_store_away(true);
            }
            Fault::Slow(client) => self.clients[client].set_reading(false),
            Fault::Drained(index) => self.set_drained(index, true).await,
            Fault::JanusDies(index) => self.cluster.janus[index].lock().await.crash().await,
            Fault::JanusStops(index) => self.cluster.janus[index].lock().await.stop_answering(),
            Fault::PluginFreezes(index) => self.cluster.janus[index].lock().await.freeze_plugin(),
            Fault::JanusCut(index) => self.cluster.janus[index].lock().await.drop_connections(),
            Fault::MediaLost(index) => self.cluster.janus[index].lock().await.lose_media("ICE failed"),
        }
        self.due.push((Instant::now() + duration, fault));
    }

    /// Ends a fault.
    pub async fn clear(&mut self, fault: Fault) {
        let starts = matches!(fault, Fault::Killed(..) | Fault::Stopped(..));
        if starts && self.due.iter().any(|(_, other)| *other == Fault::StoreAway) {
            // No service starts without the store.
            return self.due.push((Instant::now() + RETRY_DELAY, fault));
        }
        self.trace.note("!", format_args!("{fault:?} is over"));
        self.last_fault = Some(Instant::now());
        self.allow_inconsistencies(fault);
        match fault {
            Fault::Killed(kind, slot) | Fault::Stopped(kind, slot) => self.cluster.start(kind, slot).await,
            Fault::Frozen(kind, slot) => self.cluster.thaw(kind, slot),
            Fault::StoreAway => {
                self.away_since = None;
                self.cluster.set_store_away(false);
            }
            Fault::Slow(client) => self.clients[client].set_reading(true),
            Fault::Drained(index) => self.set_drained(index, false).await,
            Fault::JanusDies(index) => self.cluster.janus[index].lock().await.restart().await,
            Fault::JanusStops(index) => self.cluster.janus[index].lock().await.resume_answering(),
            Fault::PluginFreezes(index) => self.cluster.janus[index].lock().await.unfreeze_plugin(),
            Fault::JanusCut(_) | Fault::MediaLost(_) => {}
        }
    }

    async fn set_drained(&self, index: usize, drain: bool) {
        let (name, directory) = (BACKENDS[index].into(), &self.cluster.directory);
        if drain {
            directory.drain_backend(&name).await.unwrap();
        } else {
            directory.undrain_backend(&name).await.unwrap();
        }
    }

    /// Events that an edge delivered just before it died or froze may be repeated, since its last writes may
    /// be missing. While the store is away, nothing that was delivered can be persisted.
    fn allow_inconsistencies(&mut self, fault: Fault) {
        let (Fault::Killed(Kind::Edge, slot) | Fault::Frozen(Kind::Edge, slot)) = fault else { return };
        let away = self.away_since.map(|since| since.elapsed()).unwrap_or_default();
        for client in &mut self.clients {
            client.allow_reordering(Instant::now() + MAX_LATENESS);
            if [client.edge, client.previous_edge].contains(&slot) {
                client.allow_repeats(away + self.lost_window);
            }
        }
    }
}
