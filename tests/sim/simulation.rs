//! A run: the cluster, its clients, and simulated time.

use super::client::Client;
use super::cluster::{Cluster, Kind};
use super::fault_schedule::ErrorRates;
use super::faults::Fault;
use super::trace::Trace;
use common::CallId;
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::Rng;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// The names of the clients.
pub const NAMES: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];
/// The longest time between two checks of received messages.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// How many tasks an event may pass at one moment.
const MAX_HOPS: usize = 40;

/// The state of a run.
pub struct Simulation {
    pub cluster: Cluster,
    pub clients: Vec<Client>,
    pub rng: Rng,
    pub trace: Trace,
    /// Active faults with their ends.
    pub due: Vec<(Instant, Fault)>,
    /// When a fault last began or ended.
    pub last_fault: Option<Instant>,
    /// Events of this period before the death of an edge may be lost with it.
    pub lost_window: Duration,
    /// Since when the store is unreachable.
    pub away_since: Option<Instant>,
    /// The calls after the last step.
    pub seen: BTreeSet<CallId>,
}

impl Simulation {
    /// A running cluster, and clients that connect to it.
    pub async fn new(seed: u64, trace: Trace) -> Self {
        let mut rng = Rng::new(seed);
        let (rates, lost_window) = if rng.one_in(3) {
            (ErrorRates { failure_one_in: 150, lost_ack_one_in: 20 }, Duration::from_secs(3))
        } else {
            (ErrorRates { failure_one_in: 0, lost_ack_one_in: 0 }, Duration::from_millis(100))
        };
        let mut cluster = Cluster::new(rates, rng.fork());
        for kind in [Kind::Router, Kind::Connector, Kind::Edge] {
            for slot in 0..2 {
                cluster.start(kind, slot).await;
            }
        }
        let count = 4 + rng.below(3);
        let client = |(index, name)| Client::new(name, 1_000_000 * (index as u64 + 1), trace.clone());
        let clients = NAMES.into_iter().take(count).enumerate().map(client).collect();
        let mut simulation = Self {
            cluster,
            clients,
            rng,
            trace,
            due: Vec::new(),
            last_fault: None,
            lost_window,
            away_since: None,
            seen: BTreeSet::new(),
        };
        simulation.advance(Duration::from_secs(3)).await;
        simulation
    }

    /// Advances simulated time: ends faults that are due and checks received messages.
    pub async fn advance(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            let due = self.due.iter().map(|(at, _)| *at).min();
            let next = due.into_iter().chain([until, Instant::now() + CHECK_INTERVAL]).min().unwrap_or(until);
            sleep_until(next).await;
            self.poll_clients();
            while let Some(index) = self.due.iter().position(|(at, _)| *at <= Instant::now()) {
                let (_, fault) = self.due.remove(index);
                self.clear(fault).await;
            }
            if Instant::now() >= until {
                return self.run_ready_tasks().await;
            }
        }
    }

    /// Waits until all tasks of this moment have run, so that a message dropped now was not in flight.
    async fn run_ready_tasks(&mut self) {
        for _ in 0..MAX_HOPS {
            yield_now().await;
        }
        self.poll_clients();
    }

    fn poll_clients(&mut self) {
        for client in &mut self.clients {
            client.check_received();
            client.keep_alive();
        }
    }
}
