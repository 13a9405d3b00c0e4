//! A call on a Janus that works.

use crate::harness::Bench;
use protocol::Side;
use serde_json::json;
use testkit::{FakeJanus, eventually};

#[tokio::test]
async fn a_call_rings_is_accepted_and_ends_and_nothing_is_left_of_it() {
    let janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    assert_eq!((janus.calls(), bench.calls().await), (1, [Some(call); 2]));
    bench.asks(call, Side::Caller, json!({"request": "hangup", "reason": "bye"}), None).await;
    assert_eq!(
        bench.edge.bob(call).await,
        "left: hangup(alice, bye), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)"
    );
    assert_eq!(bench.calls().await, [None; 2], "who hears of the end can call again");
    assert_eq!(
        bench.edge.alice(call).await,
        "left: t/hangup(alice, Explicit hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)"
    );
    eventually("Janus has its handles back", async || janus.handles() == 0).await;
    eventually("the log has it", async || bench.log().await == ["ringing", "answered", "ended"]).await;
    let said = janus.requests();
    assert!(said.iter().all(|request| request["body"]["request"] != "hangup"), "it ends by detach alone");
}

#[tokio::test]
async fn calls_follow_each_other_on_the_same_handles() {
    let janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    for side in [Side::Caller, Side::Callee, Side::Caller] {
        let call = bench.ringing().await;
        bench.hangs_up(call, side).await;
        bench.edge.alice(call).await;
        bench.edge.bob(call).await;
    }
    eventually("Janus has its handles back", async || janus.handles() == 0).await;
    assert_eq!(janus.sessions(), 1);
}

#[tokio::test]
async fn media_that_is_lost_ends_the_call_for_both() {
    let janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    janus.lose_media("ICE failed");
    let lost = [bench.edge.alice(call).await, bench.edge.bob(call).await];
    let of = |name: &str, reason: &str| {
        format!("left: hangup({name}, Remote WebRTC hangup), core hangup({reason})")
    };
    assert_eq!(lost, [of("bob", "ICE failed"), of("alice", "Close PC")]);
    eventually("Janus has its handles back", async || janus.handles() == 0).await;
}
