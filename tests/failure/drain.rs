//! A backend is drained: it keeps its calls and gets no new ones, until it is undrained.

use super::cluster::{Fixture, connect, hang_up, talk};
use super::measure::Since;
use std::time::Duration;
use testkit::{Janus, eventually, http};

const EVENT: &str = "backend is drained";
const EFFECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Enough calls that a random placement would have hit every backend.
const CALLS: usize = 8;

#[tokio::test]
async fn drained_backend_keeps_calls_and_gets_no_new_ones() {
    let other = Janus::start().await;
    let fixture = Fixture::with(|plan| plan.rests(1).backend("b", &other)).await;
    fixture.expect_announced("b").await;
    let mut calls = Vec::new();
    while fixture.legs().await.is_empty() {
        let number = calls.len();
        calls.push(fixture.call(&format!("caller {number}"), &format!("callee {number}")).await);
    }
    let (alice, bob) = calls.last_mut().unwrap();
    let kept = fixture.legs().await;
    let drain = format!("{}/api/v1/backends/a/drain", fixture.cluster.rest_url(0));
    assert_eq!(http::post(&drain, "{}").await.status / 100, 2);
    let drained = Since::now(EVENT);
    eventually("it is announced as in maintenance", async || {
        fixture.status("a").await.as_deref() == Some("2")
    })
    .await;
    drained.within(EFFECT_TIMEOUT, "no new calls are placed on it");
    talk(alice, bob).await;
    let (mut carol, mut dave) = fixture.pair("carol", "dave").await;
    for _ in 0..CALLS {
        connect(&mut carol, &mut dave, "dave").await;
        assert_eq!(fixture.legs().await, kept);
        hang_up(&mut carol, &mut dave).await;
        carol.clear_inbox().await;
        dave.clear_inbox().await;
    }
    let undrain = format!("{}/api/v1/backends/a/undrain", fixture.cluster.rest_url(0));
    assert_eq!(http::post(&undrain, "{}").await.status / 100, 2);
    let undrained = Since::now("backend is undrained");
    fixture.expect_announced("a").await;
    undrained.within(EFFECT_TIMEOUT, "it may get calls again");
    hang_up(alice, bob).await;
}
