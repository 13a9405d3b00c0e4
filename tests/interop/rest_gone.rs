//! Our rest services are killed: nobody speaks with their proxies then.

use super::house::{MixedCluster, refusal};
use std::time::Duration;
use testkit::{Janus, becomes_true};

/// The time limit of a request, and what a busy machine may add.
const ANSWER: Duration = Duration::from_secs(10);
/// How often each rest says where it is.
const ANNOUNCED: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_secs(3);

/// Two clusters at once, since both wait most of the time.
#[tokio::test]
async fn without_rest_calls_are_refused_in_time_and_with_another_they_go_on() {
    tokio::join!(without_rest(), with_another_rest());
}

/// Calls to the other side are refused; nothing is left.
async fn without_rest() {
    let mut house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    let mut carol = house.here("carol").await;
    house.cluster.rests[0].kill();
    let (answer, took) = alice.tries_patiently("bob").await;
    assert_eq!(refusal(&answer).0, 502, "{answer}");
    assert!(took < ANSWER + SLACK, "after {took:?}");
    house.all_are_free(&["alice", "bob"]).await;

    // Theirs cannot reach us either, and what it says then is its own library's.
    let (answer, took) = bob.tries_patiently("alice").await;
    assert_eq!(refusal(&answer).0, 502, "{answer}");
    assert!(took < SLACK, "after {took:?}");
    house.all_are_free(&["alice", "bob"]).await;

    // Among ourselves nothing has changed.
    alice.client.clear_inbox().await;
    alice.talks_to(&mut carol).await;
    carol.hangs_up_on(&mut alice).await;
    house.all_are_free(&["alice", "carol"]).await;

    // What was asked in vain is not asked later.
    house.cluster.rests[0].restart().await;
    house.knows_us().await;
    bob.client.clear_inbox().await;
    carol.talks_to(&mut bob).await;
    bob.hangs_up_on(&mut carol).await;
    house.all_are_free(&["bob", "carol"]).await;
    bob.talks_to(&mut alice).await;
    alice.hangs_up_on(&mut bob).await;
    bob.client.expect_no("incomingcall").await;
    for person in [alice, bob, carol] {
        person.leaves().await;
    }
    house.is_clean().await;
}

/// Calls from here go on at once, calls from there when they are told of the other.
async fn with_another_rest() {
    let mut house = MixedCluster::with(Janus::start().await, |plan| plan.rests(2)).await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    let told = house.our_address().await;
    let of = |number: usize| format!("{}/plugins/videocall", house.cluster.rest_url(number));
    let (known, other) = if told == of(0) { (0, of(1)) } else { (1, of(0)) };
    house.cluster.rests[known].kill();
    alice.talks_to(&mut bob).await;
    alice.hangs_up_on(&mut bob).await;
    house.all_are_free(&["alice", "bob"]).await;

    let moved = becomes_true(ANNOUNCED + SLACK, async || house.our_address().await == other);
    assert!(moved.await, "their proxies are not told of the other");
    bob.talks_to(&mut alice).await;
    alice.hangs_up_on(&mut bob).await;
    house.all_are_free(&["alice", "bob"]).await;
}
