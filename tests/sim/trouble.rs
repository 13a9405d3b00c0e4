//! What goes wrong, and how it comes right again.

use super::cluster::{BACKENDS, Kind};
use super::world::Simulation;
use std::time::Duration;
use tokio::time::Instant;

/// How late something may come that was held up by an edge that was frozen.
const LATE: Duration = Duration::from_secs(15);

const MOMENT: Duration = Duration::from_millis(300);

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A service is killed; another is started in its place later.
    Killed(Kind, usize),
    /// A service is frozen.
    Frozen(Kind, usize),
    /// A service is asked to stop; another is started in its place later.
    Stopped(Kind, usize),
    /// Bus and directory cannot be reached.
    StoreAway,
    /// A media server dies and comes back with nothing.
    JanusDies(usize),
    /// A media server stops answering.
    JanusStops(usize),
    /// The plugin of a media server answers nothing.
    PluginFreezes(usize),
    /// The connections of a media server break.
    JanusCut(usize),
    /// The media of all calls on a server are lost.
    MediaLost(usize),
    /// A backend is to have no new calls.
    Drained(usize),
    /// A client does not read.
    Slow(usize),
}

impl Fault {
    /// How long it lasts, in milliseconds, at least and at most.
    fn lasts(self) -> (usize, usize) {
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

    /// Whether it is about a service, or what they all need.
    pub fn is_of_services(self) -> bool {
        matches!(self, Self::Killed(..) | Self::Frozen(..) | Self::Stopped(..) | Self::StoreAway)
    }

    /// Whether it is about this backend.
    pub fn is_of_backend(self, place: usize) -> bool {
        let of = match self {
            Self::JanusDies(of) | Self::JanusStops(of) | Self::PluginFreezes(of) => of,
            Self::JanusCut(of) | Self::MediaLost(of) | Self::Drained(of) => of,
            _ => return false,
        };
        of == place
    }

    /// Whether it keeps others of its sort away: there is always one service of a kind left.
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
    /// Something goes wrong, unless too much has already.
    pub async fn goes_wrong(&mut self, trouble: Fault) {
        if self.due.iter().any(|(_, other)| trouble.excludes(*other)) {
            return;
        }
        let (least, most) = trouble.lasts();
        let lasts = Duration::from_millis((least + self.dice.below(most - least)) as u64);
        self.trace.note("!", format_args!("{trouble:?} for {lasts:?}"));
        self.troubled = Some(Instant::now());
        self.people_doubt(trouble);
        match trouble {
            Fault::Killed(kind, place) => self.cluster.kill(kind, place),
            Fault::Frozen(kind, place) => self.cluster.freeze(kind, place),
            Fault::Stopped(kind, place) => self.cluster.stop(kind, place).await,
            Fault::StoreAway => {
                self.away_since = Some(Instant::now());
                self.cluster.store_is_away(true);
            }
            Fault::Slow(person) => self.people[person].reads(false),
            Fault::Drained(place) => self.drains(place, true).await,
            Fault::JanusDies(place) => self.cluster.janus[place].lock().await.crash().await,
            Fault::JanusStops(place) => self.cluster.janus[place].lock().await.stop_answering(),
            Fault::PluginFreezes(place) => self.cluster.janus[place].lock().await.freeze_plugin(),
            Fault::JanusCut(place) => self.cluster.janus[place].lock().await.drop_connections(),
            Fault::MediaLost(place) => self.cluster.janus[place].lock().await.lose_media("ICE failed"),
        }
        self.due.push((Instant::now() + lasts, trouble));
    }

    /// It is over.
    pub async fn is_over(&mut self, trouble: Fault) {
        let starts = matches!(trouble, Fault::Killed(..) | Fault::Stopped(..));
        if starts && self.due.iter().any(|(_, other)| *other == Fault::StoreAway) {
            // No service starts without the store.
            return self.due.push((Instant::now() + MOMENT, trouble));
        }
        self.trace.note("!", format_args!("{trouble:?} is over"));
        self.troubled = Some(Instant::now());
        self.people_doubt(trouble);
        match trouble {
            Fault::Killed(kind, place) | Fault::Stopped(kind, place) => self.cluster.start(kind, place).await,
            Fault::Frozen(kind, place) => self.cluster.thaw(kind, place),
            Fault::StoreAway => {
                self.away_since = None;
                self.cluster.store_is_away(false);
            }
            Fault::Slow(person) => self.people[person].reads(true),
            Fault::Drained(place) => self.drains(place, false).await,
            Fault::JanusDies(place) => self.cluster.janus[place].lock().await.restart().await,
            Fault::JanusStops(place) => self.cluster.janus[place].lock().await.resume_answering(),
            Fault::PluginFreezes(place) => self.cluster.janus[place].lock().await.unfreeze_plugin(),
            Fault::JanusCut(_) | Fault::MediaLost(_) => {}
        }
    }

    async fn drains(&self, place: usize, drain: bool) {
        let (name, directory) = (BACKENDS[place].into(), &self.cluster.directory);
        match drain {
            true => directory.drain_backend(&name).await.unwrap(),
            false => directory.undrain_backend(&name).await.unwrap(),
        }
    }

    /// What an edge told just before it died or froze, nobody knows whether its client has heard: it is told
    /// again. While the store is away nobody can write down what was told.
    fn people_doubt(&mut self, trouble: Fault) {
        let (Fault::Killed(Kind::Edge, door) | Fault::Frozen(Kind::Edge, door)) = trouble else { return };
        let away = self.away_since.map(|since| since.elapsed()).unwrap_or_default();
        for person in &mut self.people {
            person.expects_disorder(Instant::now() + LATE);
            if [person.edge, person.previous_edge].contains(&door) {
                person.doubts(away + self.doubt);
            }
        }
    }
}
