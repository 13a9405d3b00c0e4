//! A backend is drained: it keeps its calls and gets no new ones, until it is undrained.

use super::house::{FailureCluster, connect, part, talk};
use super::measure::Since;
use std::time::Duration;
use testkit::{Janus, eventually, http};

const EVENT: &str = "backend is drained";
const HEEDED: Duration = Duration::from_secs(3);
/// Enough that chance does not spare a backend.
const CALLS: usize = 8;

#[tokio::test]
async fn a_drained_backend_keeps_its_calls_and_gets_no_new_ones() {
    let other = Janus::start().await;
    let house = FailureCluster::with(|plan| plan.rests(1).backend("b", &other)).await;
    house.has("b").await;
    let mut calls = Vec::new();
    while house.legs().await.is_empty() {
        let number = calls.len();
        calls.push(house.call(&format!("caller {number}"), &format!("callee {number}")).await);
    }
    let (alice, bob) = calls.last_mut().unwrap();
    let kept = house.legs().await;
    let drain = format!("{}/api/v1/backends/a/drain", house.cluster.rest_url(0));
    assert_eq!(http::post(&drain, "{}").await.status / 100, 2);
    let drained = Since::now(EVENT);
    eventually("it is announced as in maintenance", async || house.status("a").await.as_deref() == Some("2"))
        .await;
    drained.within(HEEDED, "nothing new is placed on it");
    talk(alice, bob).await;
    let (mut carol, mut dave) = house.pair("carol", "dave").await;
    for _ in 0..CALLS {
        connect(&mut carol, &mut dave, "dave").await;
        assert_eq!(house.legs().await, kept);
        part(&mut carol, &mut dave).await;
        carol.clear_inbox().await;
        dave.clear_inbox().await;
    }
    let undrain = format!("{}/api/v1/backends/a/undrain", house.cluster.rest_url(0));
    assert_eq!(http::post(&undrain, "{}").await.status / 100, 2);
    let undrained = Since::now("backend is undrained");
    house.has("a").await;
    undrained.within(HEEDED, "it may get calls again");
    part(alice, bob).await;
}
