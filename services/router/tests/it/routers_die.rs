//! A request has the same effects however it is handled: once, twice, concurrently by two routers, or half by
//! a router that crashes.

use crate::faults::{CrashAtStep, SlowStore};
use crate::harness::{Cluster, distinct};
use crate::scenarios::Scenario;
use common::fault::FaultInjector;
use std::time::Duration;
use tokio::time::sleep;

/// The effects of a request.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    state: String,
    at_edge: Vec<String>,
    at_backend: Vec<String>,
    at_rest: Vec<String>,
}

impl Outcome {
    async fn of(scenario: &Scenario, cluster: &mut Cluster) -> Self {
        let state = cluster.state(&scenario.calls()).await;
        let (at_edge, at_backend) =
            (distinct(&cluster.at_edge().await), distinct(&cluster.at_backend().await));
        let at_rest = distinct(&cluster.at_rest().await);
        assert_eq!(cluster.unfinished().await, 0, "{}", scenario.name);
        Self { state, at_edge, at_backend, at_rest }
    }

    async fn once(scenario: &Scenario) -> Self {
        let mut cluster = scenario.begin().await;
        cluster.process(&scenario.request).await;
        Self::of(scenario, &mut cluster).await
    }
}

#[tokio::test(start_paused = true)]
async fn redelivered_request_changes_nothing() {
    for scenario in Scenario::all() {
        let mut cluster = scenario.begin().await;
        cluster.process(&scenario.request).await;
        cluster.process(&scenario.request).await;
        assert_eq!(
            Outcome::of(&scenario, &mut cluster).await,
            Outcome::once(&scenario).await,
            "{}",
            scenario.name
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_routers_may_handle_a_request_concurrently() {
    for scenario in Scenario::all() {
        let once = Outcome::once(&scenario).await;
        for seed in 0..40 {
            let mut cluster = scenario.begin().await;
            let routers = [
                cluster.router_with_faults(&SlowStore::injector(seed)),
                cluster.router_with_faults(&SlowStore::injector(!seed)),
            ];
            sleep(Duration::from_secs(1)).await;
            cluster.enqueue(&scenario.request).await;
            cluster.enqueue(&scenario.request).await;
            sleep(Duration::from_secs(8)).await;
            for router in routers {
                router.stop().await;
            }
            assert_eq!(Outcome::of(&scenario, &mut cluster).await, once, "{}, seed {seed}", scenario.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_router_finishes_within_three_seconds_of_a_crash() {
    for scenario in Scenario::all() {
        let once = Outcome::once(&scenario).await;
        for step in 0.. {
            let mut cluster = scenario.begin().await;
            let crash = CrashAtStep::new(step);
            let crashing = cluster.router_with_faults(&FaultInjector::new(crash.clone()));
            sleep(Duration::from_millis(100)).await;
            cluster.enqueue(&scenario.request).await;
            sleep(Duration::from_millis(100)).await;
            if !crash.has_crashed() {
                crashing.run.abort();
                assert!(step > 0, "{}: no step was made", scenario.name);
                break;
            }
            let other = cluster.router();
            sleep(Duration::from_secs(3)).await;
            other.stop().await;
            crashing.run.abort();
            assert_eq!(Outcome::of(&scenario, &mut cluster).await, once, "{}, step {step}", scenario.name);
        }
    }
}
