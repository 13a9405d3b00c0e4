//! `make bench`: the performance of Switchboard beside Janus alone and janus-cloud, in one run on one
//! machine. docs/performance.md explains each figure.
//!
//! | file | measures |
//! |---|---|
//! | `systems.rs` | time to ring and calls/s of all four systems, in turn and repeatedly |
//! | `cost.rs`, `usage.rs`, `watch.rs` | what a call costs the machine and Redis |
//! | `idle.rs` | what idle clients cost |
//! | `names.rs` | the influence of the number of registered names |
//! | `storm.rs` | all clients connecting at once |
//! | `overload.rs` | twice the load that a cluster can serve |
//!
//! `testbed.rs` starts the systems, `load.rs` makes the calls, `settings.rs` sets the extent of the run, and
//! `results.rs` writes the report. A measurement that fails panics, like a test. A figure that misses its
//! target is reported and does not fail the run.
#![allow(clippy::unwrap_used)]

mod cost;
mod idle;
mod load;
mod names;
mod overload;
mod results;
mod settings;
mod storm;
mod systems;
mod testbed;
mod usage;
mod watch;

use bench::Report;
use settings::Settings;
use testbed::Testbed;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let settings = Settings::from_environment();
    let testbed = Testbed::start(settings.wants("systems") || settings.wants("cost")).await;
    let report = measure(&testbed, &settings).await;
    results::write(&report, settings.record);
}

async fn measure(testbed: &Testbed, settings: &Settings) -> Report {
    let mut report = Report { about: results::about(settings), ..Report::default() };
    if settings.wants("systems") {
        systems::measure(testbed, settings, &mut report).await;
    }
    if settings.wants("cost") {
        cost::measure(testbed, &mut report).await;
    }
    if settings.wants("names") {
        names::measure(testbed, settings, &mut report).await;
    }
    if settings.wants("idle") {
        idle::measure(testbed, settings, &mut report).await;
    }
    if settings.wants("storm") {
        storm::measure(testbed, settings, &mut report).await;
        storm::restart(testbed, settings, &mut report).await;
    }
    if settings.wants("overload") {
        overload::measure(testbed, &mut report).await;
    }
    report
}
