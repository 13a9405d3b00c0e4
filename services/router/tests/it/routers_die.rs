//! A request that is done twice, at once by two routers, or half by one that dies, leaves and says
//! what it does when it is done once.

use crate::bench::{Cluster, words};
use crate::sky::{Death, Slow};
use crate::stories::Story;
use common::fault::FaultInjector;
use std::time::Duration;
use tokio::time::sleep;

/// What a request led to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    state: String,
    at_edge: Vec<String>,
    at_backend: Vec<String>,
    at_rest: Vec<String>,
}

impl Outcome {
    async fn of(story: &Story, cluster: &mut Cluster) -> Self {
        let state = cluster.state(&story.calls()).await;
        let (at_edge, at_backend) = (words(&cluster.at_edge().await), words(&cluster.at_backend().await));
        let at_rest = words(&cluster.at_rest().await);
        assert_eq!(cluster.unfinished().await, 0, "{}", story.name);
        Self { state, at_edge, at_backend, at_rest }
    }

    async fn once(story: &Story) -> Self {
        let mut cluster = story.begin().await;
        cluster.ask(&story.request).await;
        Self::of(story, &mut cluster).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_again_changes_nothing() {
    for story in Story::all() {
        let mut cluster = story.begin().await;
        cluster.ask(&story.request).await;
        cluster.ask(&story.request).await;
        assert_eq!(Outcome::of(&story, &mut cluster).await, Outcome::once(&story).await, "{}", story.name);
    }
}

#[tokio::test(start_paused = true)]
async fn two_routers_may_do_a_request_at_once() {
    for story in Story::all() {
        let once = Outcome::once(&story).await;
        for seed in 0..40 {
            let mut cluster = story.begin().await;
            let routers = [cluster.router_under(&Slow::by(seed)), cluster.router_under(&Slow::by(!seed))];
            sleep(Duration::from_secs(1)).await;
            cluster.enqueue(&story.request).await;
            cluster.enqueue(&story.request).await;
            sleep(Duration::from_secs(8)).await;
            for router in routers {
                router.stop().await;
            }
            assert_eq!(Outcome::of(&story, &mut cluster).await, once, "{}, seed {seed}", story.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_router_finishes_within_three_seconds_what_one_had_begun_that_died() {
    for story in Story::all() {
        let once = Outcome::once(&story).await;
        for step in 0.. {
            let mut cluster = story.begin().await;
            let death = Death::at(step);
            let dying = cluster.router_under(&FaultInjector::new(death.clone()));
            sleep(Duration::from_millis(100)).await;
            cluster.enqueue(&story.request).await;
            sleep(Duration::from_millis(100)).await;
            if !death.came() {
                dying.run.abort();
                assert!(step > 0, "{}: nothing was done", story.name);
                break;
            }
            let other = cluster.router();
            sleep(Duration::from_secs(3)).await;
            other.stop().await;
            dying.run.abort();
            assert_eq!(Outcome::of(&story, &mut cluster).await, once, "{}, step {step}", story.name);
        }
    }
}
