//! Seeded simulation: the unmodified code of edges, routers and connectors, on the in-process bus and
//! directory, in simulated time. Clients and media servers follow a seed. A fault schedule delays, repeats
//! and drops messages within the contracts, and kills, freezes and stops services.
//!
//! A seed reproduces a run exactly, since all random numbers and times derive from it.
//!
//! | file | holds |
//! |---|---|
//! | `simulation.rs` | a run |
//! | `scenario.rs` | the steps of clients and faults |
//! | `faults.rs` | the kinds of faults |
//! | `invariants.rs`, `quiescence.rs` | checks after each step, and when nothing is in flight |
//! | `client.rs`, `client_checker.rs`, `socket.rs` | a client: its requests, and checks of what it receives |
//! | `cluster.rs` | the services and the media servers |
//! | `fault_schedule.rs`, `faulty_transport.rs` | faults in a service's steps and connections |
//! | `trace.rs` | the events of a run |
//!
//! `make sim SEEDS=10000` runs more seeds than the tests do. `make sim SEED=7` runs one, and prints every
//! message.

mod client;
mod client_checker;
mod cluster;
mod fault_schedule;
mod faults;
mod faulty_transport;
mod invariants;
mod quiescence;
mod run;
mod scenario;
mod simulation;
mod socket;
mod trace;

use run::{run, run_all};

/// Number of seeds in a test run.
const SEEDS: u64 = 1000;

fn number(name: &str) -> Option<u64> {
    let number = std::env::var(name).ok().filter(|number| !number.is_empty())?;
    Some(number.parse().expect("a number"))
}

#[test]
fn random_seeds_keep_all_guarantees() {
    match number("SEED") {
        Some(seed) => {
            let outcome = run(seed, true);
            outcome.lines.iter().for_each(|line| println!("{line}"));
            assert_eq!(outcome.failure, None, "seed {seed}");
        }
        None => run_all(0..number("SEEDS").unwrap_or(SEEDS)),
    }
}

#[test]
fn seed_reproduces_its_run() {
    for seed in 0..30 {
        let (once, again) = (run(seed, false), run(seed, false));
        assert!(once.lines.len() > 100, "the run has events");
        for (one, other) in once.lines.iter().zip(&again.lines) {
            assert_eq!(one, other, "seed {seed}");
        }
        assert_eq!(once.lines.len(), again.lines.len(), "seed {seed}");
    }
}
