//! A Janus that is there and does not answer, wholly or in its plugin: it is given up, and comes back by
//! itself.

use super::house::{FailureCluster, connect, is_announced, part, talk, told};
use super::measure::Since;
use std::time::Duration;
use testkit::{Client, Cluster, FakeJanus, Redis, eventually};
use tokio::time::sleep;

/// It is asked every 2 s, and has 4 s to answer.
const NOTICED: Duration = Duration::from_secs(7);
/// A probe every 2 s, which has 2 s to answer.
const SHUNNED: Duration = Duration::from_secs(5);
/// The longest pause between two probes, and the probe.
const BACK: Duration = Duration::from_secs(14);

#[tokio::test]
async fn a_frozen_janus_ends_its_calls_and_is_not_used_until_it_wakes() {
    const EVENT: &str = "Janus freezes";
    let mut house = FailureCluster::start().await;
    let (mut alice, mut bob) = house.call("alice", "bob").await;
    house.janus.stop();
    let frozen = Since::now(EVENT);
    for side in [&mut alice, &mut bob] {
        let why = side.expect_hangup().await;
        assert!(why["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{why}");
        told(side).await;
    }
    frozen.within(NOTICED, "both sides are told");
    alice.clear_inbox().await;
    let refused = alice.try_call("bob").await;
    assert!(refused["error"].is_string(), "{refused}");
    house.janus.resume();
    let woken = Since::now("Janus wakes");
    comes_back(&mut alice, &mut bob).await;
    woken.within(BACK, "it gets calls again");
}

/// Calls until a call can be placed, and then has one.
async fn comes_back(alice: &mut Client, bob: &mut Client) {
    eventually("a call can be placed", async || {
        alice.clear_inbox().await;
        alice.try_call("bob").await["result"]["event"] == "calling"
    })
    .await;
    bob.expect_event("incomingcall").await;
    bob.accept().await;
    alice.expect_event("accepted").await;
}

/// Whether a call comes about; if not, there is an error that says so. It is over afterwards.
async fn calls(carol: &mut Client, dave: &mut Client) -> bool {
    let answer = carol.try_call("dave").await;
    let calling = answer["result"]["event"] == "calling";
    if calling {
        dave.expect_event("incomingcall").await;
        dave.accept().await;
        carol.expect_event("accepted").await;
        part(carol, dave).await;
    } else {
        assert!(answer["error"].is_string(), "{answer}");
    }
    carol.clear_inbox().await;
    dave.clear_inbox().await;
    calling
}

#[tokio::test]
async fn a_frozen_plugin_gets_no_new_calls_and_keeps_those_it_has() {
    const EVENT: &str = "Janus' plugin freezes";
    let (redis, frozen_one, other) = tokio::join!(Redis::start(), FakeJanus::start(), FakeJanus::start());
    let plan = Cluster::new(&redis).backend("a", &frozen_one).backend("b", &other);
    let cluster = plan.start().await;
    for backend in ["a", "b"] {
        is_announced(&redis, backend).await;
    }
    let door = cluster.edge_url(0);
    let mut pairs = Vec::new();
    for number in 0..8 {
        let callee = format!("callee {number}");
        let mut alice = Client::registered(&door, &format!("caller {number}")).await;
        let mut bob = Client::registered(&door, &callee).await;
        connect(&mut alice, &mut bob, &callee).await;
        pairs.push((alice, bob, callee));
    }
    assert!(frozen_one.calls() > 0 && other.calls() > 0, "calls are on both");
    let kept = frozen_one.calls();
    frozen_one.freeze_plugin();
    let frozen = Since::now(EVENT);
    let mut carol = Client::registered(&door, "carol").await;
    let mut dave = Client::registered(&door, "dave").await;
    let mut refused = 0;
    while frozen.elapsed() < SHUNNED {
        match calls(&mut carol, &mut dave).await {
            true => sleep(Duration::from_millis(200)).await,
            false => refused += 1,
        }
    }
    println!("failure: {EVENT}: calls refused until it is shunned: {refused}");
    for _ in 0..8 {
        assert!(calls(&mut carol, &mut dave).await, "it is shunned");
    }
    assert_eq!(frozen_one.calls(), kept, "running calls stay");
    for (alice, bob, _) in &mut pairs {
        alice.expect_no("hangup").await;
        bob.expect_no("hangup").await;
    }
    frozen_one.unfreeze_plugin();
    let thawed = Since::now("Janus' plugin thaws");
    let mut more = Vec::new();
    while frozen_one.calls() == kept {
        let callee = format!("callee {}", pairs.len() + more.len());
        let mut alice = Client::registered(&door, &format!("caller {}", pairs.len() + more.len())).await;
        let mut bob = Client::registered(&door, &callee).await;
        connect(&mut alice, &mut bob, &callee).await;
        more.push((alice, bob));
        assert!(thawed.elapsed() < BACK, "it never gets calls again");
        sleep(Duration::from_millis(200)).await;
    }
    thawed.within(BACK, "it gets calls again");
    let (alice, bob, _) = &mut pairs[0];
    talk(alice, bob).await;
}
