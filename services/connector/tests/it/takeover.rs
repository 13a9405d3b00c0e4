//! A connector is gone, and another goes on with its calls.

use crate::harness::{Bench, Connector};
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

/// A connector, and one that waits for its end.
async fn pair(janus: &FakeJanus) -> (Bench, Connector, Connector) {
    let (bench, first) = Bench::serving(janus).await;
    let second = bench.connector(&[("a", janus)]);
    (bench, first, second)
}

/// Both sides can still say something, and the call ends as it should.
async fn is_whole(bench: &mut Bench, janus: &FakeJanus, call: CallId) {
    for side in [Side::Caller, Side::Callee] {
        bench.asks(call, side, json!({"request": "set", "audio": false}), None).await;
        assert_eq!(bench.edge.of(side, call).await, "t/set");
    }
    bench.asks(call, Side::Caller, json!({"request": "hangup"}), None).await;
    let bye =
        "left: hangup(alice, We did the hangup), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(bench.edge.bob(call).await, bye);
    let own =
        "left: t/hangup(alice, Explicit hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)";
    assert_eq!(bench.edge.alice(call).await, own);
    assert_eq!(bench.calls().await, [None; 2]);
    eventually("Janus has its handles back", async || janus.handles() == 0).await;
    eventually("the old session is gone", async || janus.sessions() == 1).await;
}

#[tokio::test]
async fn a_call_that_runs_goes_on_when_its_connector_is_killed() {
    let janus = FakeJanus::start().await;
    let (mut bench, first, _second) = pair(&janus).await;
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    first.dies();
    is_whole(&mut bench, &janus, call).await;
    bench.talking().await;
}

#[tokio::test]
async fn a_call_that_rings_goes_on_when_its_connector_is_killed() {
    let janus = FakeJanus::start().await;
    let (mut bench, first, _second) = pair(&janus).await;
    let call = bench.ringing().await;
    bench.is_written_down(call).await;
    first.dies();
    bench.is_accepted(call).await;
    is_whole(&mut bench, &janus, call).await;
}

#[tokio::test]
async fn a_call_that_ended_on_janus_meanwhile_is_over_for_both() {
    let janus = FakeJanus::start().await;
    let (mut bench, first, _second) = pair(&janus).await;
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    first.dies();
    janus.lose_media("ICE failed");
    let over = |peer: &str| format!("left: hangup({peer}, Remote WebRTC hangup), core hangup(Close PC)");
    assert_eq!(bench.edge.bob(call).await, over("alice"));
    assert_eq!(bench.edge.alice(call).await, over("bob"));
    eventually("Janus has its handles back", async || janus.handles() == 0).await;
    bench.talking().await;
}

#[tokio::test]
async fn a_call_whose_janus_is_gone_too_is_over_for_both() {
    let mut janus = FakeJanus::start().await;
    let (mut bench, first, _second) = pair(&janus).await;
    let call = bench.talking().await;
    bench.is_written_down(call).await;
    first.dies();
    janus.crash().await;
    janus.restart().await;
    assert_eq!(bench.edge.alice(call).await, left("bob", LOST));
    assert_eq!(bench.edge.bob(call).await, left("alice", LOST));
    assert_eq!(bench.calls().await, [None; 2]);
    bench.talking().await;
}

#[tokio::test]
async fn a_call_that_was_placed_while_nobody_served_its_janus_is_set_up() {
    let janus = FakeJanus::start().await;
    let (mut bench, first) = Bench::serving(&janus).await;
    first.stops().await;
    let call = bench.place().await;
    let _second = bench.connector(&[("a", &janus)]);
    assert_eq!(bench.edge.bob(call).await, "joined: incomingcall(alice)+offer");
    assert_eq!(bench.edge.alice(call).await, "joined: c/calling");
    bench.is_accepted(call).await;
    is_whole(&mut bench, &janus, call).await;
}

#[tokio::test]
async fn a_call_goes_on_when_its_connector_hands_over() {
    let janus = FakeJanus::start().await;
    let (mut bench, first, _second) = pair(&janus).await;
    let call = bench.talking().await;
    first.stops().await;
    is_whole(&mut bench, &janus, call).await;
}

/// At whatever moment it is killed, its call is whole or over for both in the end.
#[tokio::test]
async fn a_connector_may_die_at_any_moment_of_a_call() {
    let moments = (0..12).map(async |moment: u64| {
        let janus = FakeJanus::start().await;
        let (mut bench, first, _second) = pair(&janus).await;
        let call = bench.place().await;
        tokio::time::sleep(Duration::from_micros(moment * moment * 80)).await;
        first.dies();
        tokio::time::sleep(Duration::from_secs(6)).await;
        bench.hangs_up(call, Side::Callee).await;
        let alice = bench.edge.until_left(Side::Caller, call).await;
        let bob = bench.edge.until_left(Side::Callee, call).await;
        assert!(bob.len() <= 3 && alice.len() <= 3, "{moment}: {alice:?} {bob:?}");
        assert_eq!(bench.calls().await, [None; 2]);
        eventually("Janus has its handles back", async || janus.handles() == 0).await;
        eventually("the old session is gone", async || janus.sessions() == 1).await;
        let next = bench.talking().await;
        is_whole(&mut bench, &janus, next).await;
    });
    join_all(moments).await;
}
