//! A run: the cluster, its clients, and what time does to both.

use super::cluster::{Cluster, Kind};
use super::dice::Rng;
use super::person::Client;
use super::trace::Trace;
use super::trouble::Fault;
use super::weather::Rough;
use common::CallId;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// Everybody's names.
pub const NAMES: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];
/// The longest time in which nobody looks at what was heard.
const BLINK: Duration = Duration::from_millis(500);
/// How many tasks something may go through at one moment.
const HOPS: usize = 40;

/// All there is in a run.
pub struct Simulation {
    pub cluster: Cluster,
    pub people: Vec<Client>,
    pub dice: Rng,
    pub trace: Trace,
    /// What ends by itself, and when.
    pub due: Vec<(Instant, Fault)>,
    /// When something last went wrong, or was still wrong.
    pub troubled: Option<Instant>,
    /// How long before the death of an edge what happened there may be lost with it.
    pub doubt: Duration,
    /// Since when the store is away.
    pub away_since: Option<Instant>,
    /// The calls there were after the last step.
    pub seen: BTreeSet<CallId>,
}

impl Simulation {
    /// A cluster that runs, and clients who come.
    pub async fn new(seed: u64, trace: Trace) -> Self {
        let mut dice = Rng::new(seed);
        let (rough, doubt) = match dice.one_in(3) {
            true => (Rough { fails: 150, loses: 20 }, Duration::from_secs(3)),
            false => (Rough { fails: 0, loses: 0 }, Duration::from_millis(100)),
        };
        let mut cluster = Cluster::new(rough, dice.fork());
        for kind in [Kind::Router, Kind::Connector, Kind::Edge] {
            for place in 0..2 {
                cluster.start(kind, place).await;
            }
        }
        let count = 4 + dice.below(3);
        let person = |(place, name)| Client::new(name, 1_000_000 * (place as u64 + 1), trace.clone());
        let people = NAMES.into_iter().take(count).enumerate().map(person).collect();
        let mut world = Self {
            cluster,
            people,
            dice,
            trace,
            due: Vec::new(),
            troubled: None,
            doubt,
            away_since: None,
            seen: BTreeSet::new(),
        };
        world.passes(Duration::from_secs(3)).await;
        world
    }

    /// Time passes: what is due is done when it is, and what is heard is taken in.
    pub async fn passes(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            let due = self.due.iter().map(|(at, _)| *at).min();
            let next = due.into_iter().chain([until, Instant::now() + BLINK]).min().unwrap_or(until);
            sleep_until(next).await;
            self.people_listen();
            while let Some(place) = self.due.iter().position(|(at, _)| *at <= Instant::now()) {
                let (_, trouble) = self.due.remove(place);
                self.is_over(trouble).await;
            }
            if Instant::now() >= until {
                return self.is_quiet().await;
            }
        }
    }

    /// All that happens at this moment has happened: what is dropped now was not on its way.
    async fn is_quiet(&mut self) {
        for _ in 0..HOPS {
            yield_now().await;
        }
        self.people_listen();
    }

    fn people_listen(&mut self) {
        for person in &mut self.people {
            person.listens();
            person.keeps_alive();
        }
    }
}
