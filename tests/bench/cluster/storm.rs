//! Behaviour when all clients connect at once: to an edge without clients, and to one that has just
//! restarted.

use crate::load::{Load, errors, number};
use crate::settings::Settings;
use crate::testbed::Testbed;
use bench::{Bound, Report, Series};

/// Seconds that clients stay, which leaves all of them time to reconnect.
const STAY: f64 = 20.0;

/// All clients connect and register, lose their connections, and claim their sessions.
pub async fn measure(testbed: &Testbed, settings: &Settings, report: &mut Report) {
    let edge = testbed.fresh_edge().await;
    let clients = settings.clients;
    let mut load = Load::start("storm", &[edge.url()], &[("--clients", clients as f64)]);
    let storm = load.line().await;
    load.end().await;
    let [register, claim] =
        ["register_seconds", "claim_seconds"].map(|key| Series::once(number(&storm[key])));
    report.figure("edge", format!("{clients} clients claim at once"), "s", claim);
    report.goal(format!("{clients} clients connect and register at once"), "s", register, Bound::Below(15.0));
    report.goal("errors during the storm", "", Series::once(errors(&storm)), Bound::AtMost(0.0));
}

/// An edge with half as many clients is killed and restarted.
pub async fn restart(testbed: &Testbed, settings: &Settings, report: &mut Report) {
    let mut edge = testbed.fresh_edge().await;
    let clients = settings.clients / 2;
    let options = [("--clients", clients as f64), ("--seconds", STAY)];
    let mut load = Load::start("idle", &[edge.url()], &options);
    let ready = load.line().await;
    edge.restart().await;
    let end = load.line().await;
    load.end().await;
    let last = Series::once(number(&end["last_claim_seconds"]));
    let lost = number(&ready["ready"]) - number(&end["claims"]).min(number(&end["connected_at_end"]));
    report.goal(
        format!("all {clients} clients of a killed edge are back after"),
        "s",
        last,
        Bound::Below(10.0),
    );
    report.goal("clients that did not come back", "", Series::once(lost), Bound::AtMost(0.0));
}
