//! Plays each scenario of `scenarios/` to a Janus and to a Switchboard in front of one, and compares what
//! the clients hear, message by message, field by field, in order.
//!
//! | file | holds |
//! |---|---|
//! | `scenario.rs` | the language of scenarios |
//! | `player.rs`, `talk.rs`, `fill.rs`, `socket.rs`, `voice.rs`, `fence.rs` | playing one |
//! | `recording.rs`, `json.rs`, `label.rs`, `neutral.rs`, `shape.rs` | what is kept of a play |
//! | `freedom.rs` | what Janus itself is free in |
//! | `differences.rs` | where Switchboard is meant to differ |
//! | `verdict.rs`, `report.rs` | comparing |
//! | `house.rs`, `probe.rs`, `stage.rs` | the servers, and many plays at once |
//!
//! To add a scenario, add a file. `ONLY=busy` in the environment plays those with `busy` in their name.

mod differences;
mod docs;
mod fence;
mod fill;
mod freedom;
mod house;
mod json;
mod label;
mod neutral;
mod offers;
mod player;
mod probe;
mod recording;
mod report;
mod scenario;
mod shape;
mod socket;
mod stage;
mod talk;
mod tests;
mod verdict;
mod voice;

use house::Form;
use scenario::Scenario;
use stage::Played;
use std::fmt::Write;

#[tokio::test]
async fn on_memory_nobody_can_tell_it_from_a_janus() {
    compare_all(Form::Memory).await;
}

#[tokio::test]
async fn on_redis_nobody_can_tell_it_from_a_janus() {
    compare_all(Form::Redis).await;
}

async fn compare_all(form: Form) {
    let scenarios = scenario::all();
    let janus = stage::reference(&scenarios).await;
    let switchboard = stage::switchboard(&scenarios, form).await;
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

fn problems(scenario: &Scenario, janus: &Played, switchboard: &Played) -> Vec<String> {
    if let Err(why) = &janus.outcome {
        return vec![format!("cannot be played to Janus: {why}\n{}", stage::all_said(&janus.recording))];
    }
    let mut problems = verdict::compare(scenario, &janus.recording, &switchboard.recording).problems;
    if let Err(why) = &switchboard.outcome {
        problems.insert(0, format!("cannot be played to Switchboard: {why}"));
    }
    problems
}

/// Plays each scenario to Janus again and again: where it differs from itself, a rule of `freedom.rs` or a
/// wait in the scenario is missing. Whoever writes one plays it more often: `TIMES=20 ONLY=busy`.
#[tokio::test]
async fn a_janus_does_not_differ_from_itself() {
    let times = std::env::var("TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(2);
    let mut scenarios = scenario::all();
    scenarios.iter_mut().for_each(|scenario| scenario.differs.clear());
    let first = stage::janus(&scenarios).await;
    let mut failures = String::new();
    for _ in 1..times {
        let again = stage::janus(&scenarios).await;
        for scenario in &scenarios {
            for problem in problems(scenario, &first[&scenario.name], &again[&scenario.name]) {
                let _ = writeln!(failures, "--- {} ---\n{problem}", scenario.name);
            }
        }
    }
    assert!(failures.is_empty(), "Janus differs from itself:\n{failures}");
}
