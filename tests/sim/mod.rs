//! Seeded simulation: the code of edges, routers and connectors as it is, on the bus and the directory
//! within the process, in time that is made up; clients and media servers that follow a seed; and a
//! weather that delays, repeats and drops what the contracts let it, and kills, freezes and stops services.
//!
//! A seed is a story that can be told again exactly: chance and time come from it alone.
//!
//! | file | holds |
//! |---|---|
//! | `world.rs` | a run |
//! | `story.rs` | what clients do, and when something goes wrong |
//! | `trouble.rs` | what goes wrong |
//! | `always.rs`, `rest.rs` | what holds after each step, and what at rest and at the end |
//! | `person.rs`, `hearing.rs`, `socket.rs` | a client: what it asks, and whether what it hears makes sense |
//! | `cluster.rs` | the services and the media servers |
//! | `weather.rs`, `cable.rs` | what happens to a service's steps and sockets |
//! | `dice.rs`, `trace.rs` | chance that can be repeated, and what came of it |
//!
//! `make sim SEEDS=10000` tells more stories than the tests do; `make sim SEED=7` tells one, with all that
//! was said.

mod always;
mod cable;
mod cluster;
mod dice;
mod hearing;
mod person;
mod rest;
mod run;
mod socket;
mod story;
mod trace;
mod trouble;
mod weather;
mod world;

use run::{run, run_all};

/// How many stories a test run tells.
const SEEDS: u64 = 1000;

fn number(name: &str) -> Option<u64> {
    let number = std::env::var(name).ok().filter(|number| !number.is_empty())?;
    Some(number.parse().expect("a number"))
}

#[test]
fn whatever_happens_the_promises_are_kept() {
    match number("SEED") {
        Some(seed) => {
            let told = run(seed, true);
            told.lines.iter().for_each(|line| println!("{line}"));
            assert_eq!(told.failure, None, "seed {seed}");
        }
        None => run_all(0..number("SEEDS").unwrap_or(SEEDS)),
    }
}

#[test]
fn a_seed_tells_the_same_story_again() {
    for seed in 0..30 {
        let (once, again) = (run(seed, false), run(seed, false));
        assert!(once.lines.len() > 100, "much happens");
        for (one, other) in once.lines.iter().zip(&again.lines) {
            assert_eq!(one, other, "seed {seed}");
        }
        assert_eq!(once.lines.len(), again.lines.len(), "seed {seed}");
    }
}
