//! Calls on a healthy Janus.

use crate::harness::Harness;
use protocol::Side;
use serde_json::json;
use testkit::{FakeJanus, eventually};

#[tokio::test]
async fn finished_call_leaves_nothing_behind() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    assert_eq!((janus.calls(), harness.calls().await), (1, [Some(call); 2]));
    harness.request(call, Side::Caller, json!({"request": "hangup", "reason": "bye"}), None).await;
    assert_eq!(
        harness.edge.bob(call).await,
        "left: hangup(alice, bye), hangup(alice, Remote WebRTC hangup), core hangup(Close PC)"
    );
    assert_eq!(harness.calls().await, [None; 2], "a notified client can call again");
    assert_eq!(
        harness.edge.alice(call).await,
        "left: t/hangup(alice, Explicit hangup), hangup(bob, Remote WebRTC hangup), core hangup(Close PC)"
    );
    eventually("all handles are detached", async || janus.handles() == 0).await;
    eventually("the call is logged", async || harness.log().await == ["ringing", "answered", "ended"]).await;
    let sent = janus.requests();
    assert!(sent.iter().all(|request| request["body"]["request"] != "hangup"), "calls end by detach alone");
}

#[tokio::test]
async fn handles_can_be_reused_for_further_calls() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    for side in [Side::Caller, Side::Callee, Side::Caller] {
        let call = harness.ringing().await;
        harness.hang_up(call, side).await;
        harness.edge.alice(call).await;
        harness.edge.bob(call).await;
    }
    eventually("all handles are detached", async || janus.handles() == 0).await;
    assert_eq!(janus.sessions(), 1);
}

#[tokio::test]
async fn lost_media_ends_the_call() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    janus.lose_media("ICE failed");
    let lost = [harness.edge.alice(call).await, harness.edge.bob(call).await];
    let of = |name: &str, reason: &str| {
        format!("left: hangup({name}, Remote WebRTC hangup), core hangup({reason})")
    };
    assert_eq!(lost, [of("bob", "ICE failed"), of("alice", "Close PC")]);
    eventually("all handles are detached", async || janus.handles() == 0).await;
}
