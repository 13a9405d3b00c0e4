//! Runs many scenarios at once, on few servers.
//!
//! Scenarios share servers, but no names and no handles. Janus 1.1.2 may crash or freeze under such traffic.
//! Then the reference Janus is restarted and the interrupted scenarios run again, since its crash says
//! nothing about Switchboard. A scenario that fails on a living Janus fails.

use super::player;
use super::recording::{Recording, Track};
use super::report::brief;
use super::scenario::Scenario;
use super::servers::{Endpoints, Form, SERVER_SETS, Servers};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

/// Number of scenarios that run at once.
const CONCURRENCY: usize = 8;
/// Number of crashes of the reference Janus that are tolerated.
const MAX_CRASHES: usize = 3;

/// A finished scenario.
#[derive(Clone)]
pub struct Finished {
    pub recording: Recording,
    pub outcome: Result<(), String>,
}

/// By the names of the scenarios.
pub type Recordings = BTreeMap<String, Finished>;

/// The recordings of Janus, made once for all tests of this process.
pub async fn reference(scenarios: &[Scenario]) -> &'static Recordings {
    static REFERENCE: OnceCell<Recordings> = OnceCell::const_new();
    REFERENCE.get_or_init(|| janus(scenarios)).await
}

/// Runs all scenarios against Janus.
pub async fn janus(scenarios: &[Scenario]) -> Recordings {
    let mut all = Recordings::new();
    for servers in SERVER_SETS {
        let mut left = using(scenarios, servers);
        if left.is_empty() {
            continue;
        }
        let mut server = Servers::of_janus(servers).await;
        for _ in 0..=MAX_CRASHES {
            let played = play(&left, &server.endpoints).await;
            let failed: Vec<String> = failures(&played);
            all.extend(played);
            if failed.is_empty() || server.serves().await {
                break;
            }
            println!("the reference Janus died, repeating: {failed:?}");
            server.restart_janus().await;
            left.retain(|scenario| failed.contains(&scenario.name));
        }
    }
    all
}

fn failures(played: &Recordings) -> Vec<String> {
    let failed = played.iter().filter(|(_, played)| played.outcome.is_err());
    failed.map(|(name, _)| name.clone()).collect()
}

/// Runs all scenarios against Switchboard.
pub async fn switchboard(scenarios: &[Scenario], form: Form) -> Recordings {
    let mut all = Recordings::new();
    for servers in SERVER_SETS {
        let scenarios = using(scenarios, servers);
        if !scenarios.is_empty() {
            let server = Servers::of_switchboard(servers, form).await;
            all.extend(play(&scenarios, &server.endpoints).await);
        }
    }
    all
}

fn using(scenarios: &[Scenario], servers: &str) -> Vec<Scenario> {
    scenarios.iter().filter(|scenario| scenario.servers == servers).cloned().collect()
}

async fn play(scenarios: &[Scenario], endpoints: &Endpoints) -> Recordings {
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let mut plays = JoinSet::new();
    for scenario in scenarios.iter().cloned() {
        let (permits, endpoints) = (permits.clone(), endpoints.clone());
        plays.spawn(async move {
            let _permit = permits.acquire().await;
            let (recording, outcome) = player::play(&scenario, &endpoints).await;
            (scenario.name, Finished { recording, outcome })
        });
    }
    plays.join_all().await.into_iter().collect()
}

/// All messages of a run.
pub fn transcript(recording: &Recording) -> String {
    let line = |track: &Track| {
        let lines = track.lines.iter().map(|line| {
            let arrow = if line.sent { '>' } else { '<' };
            format!("      {} {arrow} {}", track.name, brief(&line.text))
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    recording.iter().map(line).collect::<Vec<_>>().join("\n")
}
