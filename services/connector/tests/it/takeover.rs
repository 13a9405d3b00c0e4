//! A connector dies or stops, and another takes over its calls.

use crate::harness::{Connector, Harness};
use common::CallId;
use futures_util::future::join_all;
use protocol::Side;
use serde_json::json;
use std::time::Duration;
use testkit::{FakeJanus, eventually};

const LOST: &str = "The connection to the media server was lost";

fn left(peer: &str, reason: &str) -> String {
    format!("left: hangup({peer}, {reason}), core hangup({reason})")
}

/// A connector that serves Janus, and a second one that waits for the lease.
async fn pair(janus: &FakeJanus) -> (Harness, Connector, Connector) {
    let (harness, first) = Harness::serving(janus).await;
    let second = harness.connector(&[("a", janus)]);
    (harness, first, second)
}

/// Checks that both sides can send requests and end the call.
async fn assert_working(harness: &mut Harness, janus: &FakeJanus, call: CallId) {
    for side in [Side::Caller, Side::Callee] {
        harness.request(call, side, json!({"request": "set", "audio": false}), None).await;
        assert_eq!(harness.edge.side(side, call).await, "t/set");
    }
    harness.request(call, Side::Caller, json!({"request": "hangup"}), None).await;
    let bye =
        "left: hangup(alice, We did the hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(harness.edge.bob(call).await, bye);
    let reply =
        "left: t/hangup(alice, Explicit hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(harness.edge.alice(call).await, reply);
    assert_eq!(harness.calls().await, [None; 2]);
    eventually("all handles are detached", async || janus.handles() == 0).await;
    eventually("the claimed session is destroyed", async || janus.sessions() == 1).await;
}

#[tokio::test]
async fn answered_call_survives_a_killed_connector() {
    let janus = FakeJanus::start().await;
    let (mut harness, first, _second) = pair(&janus).await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    first.kill();
    assert_working(&mut harness, &janus, call).await;
    harness.talking().await;
}

#[tokio::test]
async fn ringing_call_survives_a_killed_connector() {
    let janus = FakeJanus::start().await;
    let (mut harness, first, _second) = pair(&janus).await;
    let call = harness.ringing().await;
    harness.wait_saved(call).await;
    first.kill();
    harness.accept(call).await;
    assert_working(&mut harness, &janus, call).await;
}

#[tokio::test]
async fn call_that_ended_on_janus_during_takeover_ends_for_both() {
    let janus = FakeJanus::start().await;
    let (mut harness, first, _second) = pair(&janus).await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    first.kill();
    janus.lose_media("ICE failed");
    let left_after_loss =
        |peer: &str| format!("left: hangup({peer}, Remote WebRTC hangup), core hangup(Close PC)");
    assert_eq!(harness.edge.bob(call).await, left_after_loss("alice"));
    assert_eq!(harness.edge.alice(call).await, left_after_loss("bob"));
    eventually("all handles are detached", async || janus.handles() == 0).await;
    harness.talking().await;
}

#[tokio::test]
async fn call_ends_when_connector_and_janus_die() {
    let mut janus = FakeJanus::start().await;
    let (mut harness, first, _second) = pair(&janus).await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    first.kill();
    janus.crash().await;
    janus.restart().await;
    assert_eq!(harness.edge.alice(call).await, left("bob", LOST));
    assert_eq!(harness.edge.bob(call).await, left("alice", LOST));
    assert_eq!(harness.calls().await, [None; 2]);
    harness.talking().await;
}

#[tokio::test]
async fn call_placed_without_a_connector_is_set_up_later() {
    let janus = FakeJanus::start().await;
    let (mut harness, first) = Harness::serving(&janus).await;
    first.stop().await;
    let call = harness.place_call().await;
    let _second = harness.connector(&[("a", &janus)]);
    assert_eq!(harness.edge.bob(call).await, "joined: incomingcall(alice)+offer");
    assert_eq!(harness.edge.alice(call).await, "joined: c/calling");
    harness.accept(call).await;
    assert_working(&mut harness, &janus, call).await;
}

#[tokio::test]
async fn call_survives_a_handover() {
    let janus = FakeJanus::start().await;
    let (mut harness, first, _second) = pair(&janus).await;
    let call = harness.talking().await;
    first.stop().await;
    assert_working(&mut harness, &janus, call).await;
}

/// Whenever the connector is killed, its call either works or ends for both sides.
#[tokio::test]
async fn connector_may_die_at_any_moment_of_a_call() {
    let moments = (0..12).map(async |moment: u64| {
        let janus = FakeJanus::start().await;
        let (mut harness, first, _second) = pair(&janus).await;
        let call = harness.place_call().await;
        tokio::time::sleep(Duration::from_micros(moment * moment * 80)).await;
        first.kill();
        tokio::time::sleep(Duration::from_secs(6)).await;
        harness.hang_up(call, Side::Callee).await;
        let alice = harness.edge.until_left(Side::Caller, call).await;
        let bob = harness.edge.until_left(Side::Callee, call).await;
        assert!(bob.len() <= 3 && alice.len() <= 3, "{moment}: {alice:?} {bob:?}");
        assert_eq!(harness.calls().await, [None; 2]);
        eventually("all handles are detached", async || janus.handles() == 0).await;
        eventually("the claimed session is destroyed", async || janus.sessions() == 1).await;
        let next = harness.talking().await;
        assert_working(&mut harness, &janus, next).await;
    });
    join_all(moments).await;
}
