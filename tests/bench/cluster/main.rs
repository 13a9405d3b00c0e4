//! `make bench`: how fast Switchboard is, beside Janus alone and beside janus-cloud, in one run on one machine.
//! docs/performance.md says what each number means.
//!
//! | file | measures |
//! |---|---|
//! | `systems.rs` | time to ring and calls/s of all four, in turn and repeatedly |
//! | `cost.rs`, `usage.rs`, `watch.rs` | what a call costs the machine and Redis |
//! | `idle.rs` | what clients cost that do nothing |
//! | `names.rs` | whether it matters how many names there are |
//! | `storm.rs` | everybody at once |
//! | `overload.rs` | twice what it can do |
//!
//! `stage.rs` has what runs, `load.rs` makes the calls, `settings.rs` says how much of it, `results.rs` where
//! it is written. Like a test it panics when something cannot be measured; what is measured and not as good as
//! hoped is a line that says so.
#![allow(clippy::unwrap_used)]

mod cost;
mod idle;
mod load;
mod names;
mod overload;
mod results;
mod settings;
mod stage;
mod storm;
mod systems;
mod usage;
mod watch;

use bench::Report;
use settings::Settings;
use stage::Stage;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let settings = Settings::from_environment();
    let stage = Stage::start(settings.wants("systems") || settings.wants("cost")).await;
    let report = measure(&stage, &settings).await;
    results::write(&report, settings.record);
}

async fn measure(stage: &Stage, settings: &Settings) -> Report {
    let mut report = Report { about: results::about(settings), ..Report::default() };
    if settings.wants("systems") {
        systems::measure(stage, settings, &mut report).await;
    }
    if settings.wants("cost") {
        cost::measure(stage, &mut report).await;
    }
    if settings.wants("names") {
        names::measure(stage, settings, &mut report).await;
    }
    if settings.wants("idle") {
        idle::measure(stage, settings, &mut report).await;
    }
    if settings.wants("storm") {
        storm::measure(stage, settings, &mut report).await;
        storm::restart(stage, settings, &mut report).await;
    }
    if settings.wants("overload") {
        overload::measure(stage, &mut report).await;
    }
    report
}
