//! A Janus that is connected and does not answer, wholly or in its plugin. It gets no more calls, and is used
//! again when it recovers.

use super::cluster::{Fixture, connect, expect_announced_on, expect_call_end, hang_up, talk};
use super::measure::Since;
use std::time::Duration;
use testkit::{Client, Cluster, FakeJanus, Redis, eventually};
use tokio::time::sleep;

/// A keepalive every 2 s, which must be answered within 4 s.
const DETECTION_TIMEOUT: Duration = Duration::from_secs(7);
/// A probe every 2 s, which must be answered within 2 s.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest pause between two probes, and the probe.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(14);

#[tokio::test]
async fn frozen_janus_loses_its_calls_and_is_unused_until_it_resumes() {
    const EVENT: &str = "Janus freezes";
    let mut fixture = Fixture::start().await;
    let (mut alice, mut bob) = fixture.call("alice", "bob").await;
    fixture.janus.stop();
    let frozen = Since::now(EVENT);
    for side in [&mut alice, &mut bob] {
        let hangup = side.expect_hangup().await;
        assert!(hangup["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{hangup}");
        expect_call_end(side).await;
    }
    frozen.within(DETECTION_TIMEOUT, "both sides receive the hangup");
    alice.clear_inbox().await;
    let refused = alice.try_call("bob").await;
    assert!(refused["error"].is_string(), "{refused}");
    fixture.janus.resume();
    let resumed = Since::now("Janus resumes");
    expect_recovery(&mut alice, &mut bob).await;
    resumed.within(RECOVERY_TIMEOUT, "it gets calls again");
}

/// Tries calls until one is placed, and ends it.
async fn expect_recovery(alice: &mut Client, bob: &mut Client) {
    eventually("a call can be placed", async || {
        alice.clear_inbox().await;
        alice.try_call("bob").await["result"]["event"] == "calling"
    })
    .await;
    bob.expect_event("incomingcall").await;
    bob.accept().await;
    alice.expect_event("accepted").await;
}

/// Returns whether a call is placed. Otherwise an error must say so. The call is over afterwards.
async fn try_call(carol: &mut Client, dave: &mut Client) -> bool {
    let answer = carol.try_call("dave").await;
    let calling = answer["result"]["event"] == "calling";
    if calling {
        dave.expect_event("incomingcall").await;
        dave.accept().await;
        carol.expect_event("accepted").await;
        hang_up(carol, dave).await;
    } else {
        assert!(answer["error"].is_string(), "{answer}");
    }
    carol.clear_inbox().await;
    dave.clear_inbox().await;
    calling
}

#[tokio::test]
async fn frozen_plugin_keeps_calls_and_gets_no_new_ones() {
    const EVENT: &str = "Janus' plugin freezes";
    let (redis, frozen_janus, other) = tokio::join!(Redis::start(), FakeJanus::start(), FakeJanus::start());
    let plan = Cluster::new(&redis).backend("a", &frozen_janus).backend("b", &other);
    let cluster = plan.start().await;
    for backend in ["a", "b"] {
        expect_announced_on(&redis, backend).await;
    }
    let edge_url = cluster.edge_url(0);
    let mut pairs = Vec::new();
    for number in 0..8 {
        let callee = format!("callee {number}");
        let mut alice = Client::registered(&edge_url, &format!("caller {number}")).await;
        let mut bob = Client::registered(&edge_url, &callee).await;
        connect(&mut alice, &mut bob, &callee).await;
        pairs.push((alice, bob, callee));
    }
    assert!(frozen_janus.calls() > 0 && other.calls() > 0, "calls are on both");
    let kept = frozen_janus.calls();
    frozen_janus.freeze_plugin();
    let frozen = Since::now(EVENT);
    let mut carol = Client::registered(&edge_url, "carol").await;
    let mut dave = Client::registered(&edge_url, "dave").await;
    let mut refused = 0;
    while frozen.elapsed() < PROBE_TIMEOUT {
        if try_call(&mut carol, &mut dave).await {
            sleep(Duration::from_millis(200)).await;
        } else {
            refused += 1;
        }
    }
    println!("failure: {EVENT}: calls refused until it is excluded: {refused}");
    for _ in 0..8 {
        assert!(try_call(&mut carol, &mut dave).await, "it is excluded");
    }
    assert_eq!(frozen_janus.calls(), kept, "established calls stay");
    for (alice, bob, _) in &mut pairs {
        alice.expect_no("hangup").await;
        bob.expect_no("hangup").await;
    }
    frozen_janus.unfreeze_plugin();
    let thawed = Since::now("Janus' plugin thaws");
    let mut more = Vec::new();
    while frozen_janus.calls() == kept {
        let callee = format!("callee {}", pairs.len() + more.len());
        let mut alice = Client::registered(&edge_url, &format!("caller {}", pairs.len() + more.len())).await;
        let mut bob = Client::registered(&edge_url, &callee).await;
        connect(&mut alice, &mut bob, &callee).await;
        more.push((alice, bob));
        assert!(thawed.elapsed() < RECOVERY_TIMEOUT, "it never gets calls again");
        sleep(Duration::from_millis(200)).await;
    }
    thawed.within(RECOVERY_TIMEOUT, "it gets calls again");
    let (alice, bob, _) = &mut pairs[0];
    talk(alice, bob).await;
}
