//! Runs each scenario of `scenarios/` against a Janus and against a Switchboard in front of one. Compares what
//! the clients receive, message by message, field by field, in order.
//!
//! | file | holds |
//! |---|---|
//! | `scenario.rs` | the language of scenarios |
//! | `player.rs`, `commands.rs`, `substitute.rs`, `socket.rs`, `actor.rs`, `barrier.rs` | running one |
//! | `recording.rs`, `json.rs`, `label.rs`, `normalize.rs`, `sdp_shape.rs` | the recording of a run |
//! | `janus_variance.rs` | the variance of Janus itself |
//! | `differences.rs` | the intended differences |
//! | `diff.rs`, `report.rs` | the comparison |
//! | `servers.rs`, `probe.rs`, `runner.rs` | the servers, and many runs at once |
//!
//! To add a scenario, add a file. `ONLY=busy` in the environment selects those with `busy` in their name.

mod actor;
mod barrier;
mod commands;
mod diff;
mod differences;
mod docs;
mod janus_variance;
mod json;
mod label;
mod normalize;
mod offers;
mod player;
mod probe;
mod recording;
mod report;
mod runner;
mod scenario;
mod sdp_shape;
mod servers;
mod socket;
mod substitute;
mod tests;

use runner::Finished;
use scenario::Scenario;
use servers::Form;
use std::fmt::Write;

#[tokio::test]
async fn on_memory_it_behaves_like_a_janus() {
    compare_all(Form::Memory).await;
}

#[tokio::test]
async fn on_redis_it_behaves_like_a_janus() {
    compare_all(Form::Redis).await;
}

async fn compare_all(form: Form) {
    let scenarios = scenario::all();
    let janus = runner::reference(&scenarios).await;
    let switchboard = runner::switchboard(&scenarios, form).await;
    let mut failures = String::new();
    for scenario in &scenarios {
        let problems = problems(scenario, &janus[&scenario.name], &switchboard[&scenario.name]);
        let open = differences::OPEN.iter().find(|(name, _)| *name == scenario.name);
        match open {
            Some((name, why)) if problems.is_empty() => println!("{name} is no longer open: {why}"),
            Some((name, why)) => println!("{name} is open: {why}\n{}", problems.join("\n")),
            None => problems.iter().for_each(|problem| {
                let _ = writeln!(failures, "--- {} ---\n{problem}", scenario.name);
            }),
        }
    }
    assert!(failures.is_empty(), "Switchboard ({form:?}) differs from Janus:\n{failures}");
}

fn problems(scenario: &Scenario, janus: &Finished, switchboard: &Finished) -> Vec<String> {
    if let Err(why) = &janus.outcome {
        return vec![format!("cannot run against Janus: {why}\n{}", runner::transcript(&janus.recording))];
    }
    let mut problems = diff::compare(scenario, &janus.recording, &switchboard.recording).problems;
    if let Err(why) = &switchboard.outcome {
        problems.insert(0, format!("cannot run against Switchboard: {why}"));
    }
    problems
}

/// Runs each scenario against Janus repeatedly. A difference between two runs shows that a rule of
/// `janus_variance.rs` or a wait in the scenario is missing. Repeat a new scenario more often: `TIMES=20
/// ONLY=busy`.
#[tokio::test]
async fn janus_varies_only_as_described() {
    let times = std::env::var("TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(2);
    let mut scenarios = scenario::all();
    scenarios.iter_mut().for_each(|scenario| scenario.differs.clear());
    let first = runner::janus(&scenarios).await;
    let mut failures = String::new();
    for _ in 1..times {
        let again = runner::janus(&scenarios).await;
        for scenario in &scenarios {
            for problem in problems(scenario, &first[&scenario.name], &again[&scenario.name]) {
                let _ = writeln!(failures, "--- {} ---\n{problem}", scenario.name);
            }
        }
    }
    assert!(failures.is_empty(), "Janus differs from itself:\n{failures}");
}
