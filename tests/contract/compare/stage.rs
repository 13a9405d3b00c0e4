//! Many plays at once, on few servers.
//!
//! Scenarios share servers, but no names and no handles. When the reference Janus dies or freezes, as 1.1.2
//! may under such traffic, it is started again and what was cut short is played again: its death says
//! nothing about Switchboard. A scenario that fails on a living Janus fails.

use super::house::{Endpoints, Form, HOUSES, Servers};
use super::player;
use super::recording::{Recording, Track};
use super::report::brief;
use super::scenario::Scenario;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

/// How many plays go on at once.
const AT_ONCE: usize = 8;
/// How often a reference Janus may die.
const DEATHS: usize = 3;

/// A scenario that was played.
#[derive(Clone)]
pub struct Played {
    pub recording: Recording,
    pub outcome: Result<(), String>,
}

/// By the names of the scenarios.
pub type AllPlayed = BTreeMap<String, Played>;

/// What Janus says; played once for all tests of this process.
pub async fn reference(scenarios: &[Scenario]) -> &'static AllPlayed {
    static REFERENCE: OnceCell<AllPlayed> = OnceCell::const_new();
    REFERENCE.get_or_init(|| janus(scenarios)).await
}

/// Plays all to Janus.
pub async fn janus(scenarios: &[Scenario]) -> AllPlayed {
    let mut all = AllPlayed::new();
    for house in HOUSES {
        let mut left = of_house(scenarios, house);
        if left.is_empty() {
            continue;
        }
        let mut server = Servers::of_janus(house).await;
        for _ in 0..=DEATHS {
            let played = play(&left, &server.doors).await;
            let failed: Vec<String> = failures(&played);
            all.extend(played);
            if failed.is_empty() || server.serves().await {
                break;
            }
            println!("the reference Janus died; playing again: {failed:?}");
            server.restart_janus().await;
            left.retain(|scenario| failed.contains(&scenario.name));
        }
    }
    all
}

fn failures(played: &AllPlayed) -> Vec<String> {
    let failed = played.iter().filter(|(_, played)| played.outcome.is_err());
    failed.map(|(name, _)| name.clone()).collect()
}

/// Plays all to Switchboard.
pub async fn switchboard(scenarios: &[Scenario], form: Form) -> AllPlayed {
    let mut all = AllPlayed::new();
    for house in HOUSES {
        let scenarios = of_house(scenarios, house);
        if !scenarios.is_empty() {
            let server = Servers::of_switchboard(house, form).await;
            all.extend(play(&scenarios, &server.doors).await);
        }
    }
    all
}

fn of_house(scenarios: &[Scenario], house: &str) -> Vec<Scenario> {
    scenarios.iter().filter(|scenario| scenario.servers == house).cloned().collect()
}

async fn play(scenarios: &[Scenario], doors: &Endpoints) -> AllPlayed {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut plays = JoinSet::new();
    for scenario in scenarios.iter().cloned() {
        let (turns, doors) = (turns.clone(), doors.clone());
        plays.spawn(async move {
            let _turn = turns.acquire().await;
            let (recording, outcome) = player::play(&scenario, &doors).await;
            (scenario.name, Played { recording, outcome })
        });
    }
    plays.join_all().await.into_iter().collect()
}

/// All that was said in a play.
pub fn all_said(recording: &Recording) -> String {
    let line = |track: &Track| {
        let lines = track.lines.iter().map(|line| {
            let arrow = if line.sent { '>' } else { '<' };
            format!("      {} {arrow} {}", track.name, brief(&line.text))
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    recording.iter().map(line).collect::<Vec<_>>().join("\n")
}
