//! Their proxy is killed or frozen: our side hears of it, is free again, and nothing is left.
//!
//! It is Janus that tells us: it ends the session of a proxy whose connection broke, after its
//! `reclaim_session_timeout`.

use super::house::{MixedCluster, NamedClient, refusal};
use std::time::Duration;
use testkit::Janus;
use testkit::janus::JanusConfig;
use tokio::time::Instant;

/// The `reclaim_session_timeout` of these tests, in seconds; Janus looks every two seconds.
const RECLAIM: u32 = 2;
const TOLD: Duration = Duration::from_secs(RECLAIM as u64 + 2 + 2);

/// How long their proxy may take to answer, how long it waits for a call that does not come, and what a busy machine may add.
const ANSWER: Duration = Duration::from_secs(8);
const UNDONE: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_secs(3);

async fn house() -> MixedCluster {
    let config = JanusConfig { reclaim_session_timeout: RECLAIM, ..JanusConfig::default() };
    MixedCluster::with_janus(Janus::with(config).await).await
}

/// Whose side calls.
#[derive(Clone, Copy)]
enum From {
    Here,
    There,
}

async fn is_over(from: From, accepted: bool) {
    let mut house = house().await;
    let (mut ours, mut theirs) = (house.here("ours").await, house.there("theirs").await);
    let mut friend = house.here("friend").await;
    match (from, accepted) {
        (From::Here, false) => ours.rings(&mut theirs).await,
        (From::Here, true) => ours.talks_to(&mut theirs).await,
        (From::There, false) => theirs.rings(&mut ours).await,
        (From::There, true) => theirs.talks_to(&mut ours).await,
    }
    house.peer.kill();
    let killed = Instant::now();
    let reason = ours.expect_hangup("theirs").await;
    ours.client.expect_core("hangup").await;
    println!("told after {:?}: {reason}", killed.elapsed());
    assert!(killed.elapsed() < TOLD, "after {:?}", killed.elapsed());
    house.all_are_free(&["ours"]).await;
    ours.client.clear_inbox().await;
    ours.talks_to(&mut friend).await;
    friend.hangs_up_on(&mut ours).await;
    friend.talks_to(&mut ours).await;
    ours.hangs_up_on(&mut friend).await;

    // Its users come back, some of them to us.
    house.peer.restart().await;
    let mut theirs = house.there("theirs").await;
    ours.talks_to(&mut theirs).await;
    theirs.hangs_up_on(&mut ours).await;
    house.all_are_free(&["ours", "theirs"]).await;
    for person in [ours, theirs, friend] {
        person.leaves().await;
    }
    house.is_clean().await;
}

/// Four clusters at once, since all of them wait most of the time.
#[tokio::test]
async fn killed_while_it_rings_or_in_a_call_of_either_side() {
    tokio::join!(
        is_over(From::Here, false),
        is_over(From::There, false),
        is_over(From::Here, true),
        is_over(From::There, true),
    );
}

#[tokio::test]
async fn a_call_to_a_user_of_a_dead_proxy_is_refused_at_once() {
    let mut house = MixedCluster::start().await;
    let (mut alice, bob) = (house.here("alice").await, house.there("bob").await);
    house.peer.kill();
    let (answer, took) = alice.tries_patiently("bob").await;
    assert_eq!(refusal(&answer), (502, "The other server does not answer"));
    assert!(took < SLACK, "after {took:?}");
    house.all_are_free(&["alice", "bob"]).await;
    drop(bob);
    free_for_others(&house, &mut alice).await;
}

#[tokio::test]
async fn a_call_to_a_user_of_a_frozen_proxy_is_refused_in_time() {
    let mut house = MixedCluster::start().await;
    let (mut alice, mut bob) = (house.here("alice").await, house.there("bob").await);
    house.peer.stop();
    let (answer, took) = alice.tries_patiently("bob").await;
    assert_eq!(refusal(&answer), (502, "The other server does not answer"));
    assert!(took < ANSWER + SLACK, "after {took:?}");
    house.all_are_free(&["alice"]).await;
    free_for_others(&house, &mut alice).await;

    // It wakes and does what it was asked; nobody calls, so it undoes that.
    house.peer.resume();
    house.is_in_call("bob", "alice").await;
    let free = testkit::becomes_true(UNDONE + SLACK, async || house.in_call("bob").await.is_none());
    assert!(free.await, "bob stays busy");
    house.has_no_legs().await;
    bob.client.expect_no("incomingcall").await;
    alice.talks_to(&mut bob).await;
}

async fn free_for_others(house: &MixedCluster, person: &mut NamedClient) {
    let mut friend = house.here("friend").await;
    person.client.clear_inbox().await;
    person.talks_to(&mut friend).await;
    friend.hangs_up_on(person).await;
    friend.talks_to(person).await;
    person.hangs_up_on(&mut friend).await;
    friend.leaves().await;
}
