//! Events that cannot reach a client end their call on both sides, with a reason and without anything left.

use crate::harness::Harness;
use bus::topic::Mailbox;
use common::ServiceId;
use protocol::Side;
use serde_json::json;
use testkit::fake_janus::Fault;
use testkit::{FakeJanus, eventually};

const TOO_LARGE: &str = "An event of the call is too large";

async fn expect_clean(harness: &Harness, janus: &FakeJanus) {
    eventually("all handles are detached", async || janus.handles() == 0).await;
    assert_eq!(harness.calls().await, [None; 2]);
}

#[tokio::test]
async fn call_with_a_too_large_offer_is_refused() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    janus.set_fault(Some(Fault::LongDescriptions(bus::MAX_PAYLOAD)));
    let call = harness.place_call().await;
    assert_eq!(harness.edge.alice(call).await, "left: c/error 499");
    expect_clean(&harness, &janus).await;
    eventually("the end is logged", async || harness.log().await == ["ended"]).await;
    janus.set_fault(None);
    harness.talking().await;
}

#[tokio::test]
async fn call_with_a_too_large_update_ends_for_both() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    janus.set_fault(Some(Fault::LongDescriptions(bus::MAX_PAYLOAD)));
    let offer = Some(testkit::sdp::offer());
    harness.request(call, Side::Caller, json!({"request": "set"}), offer).await;
    let left = |peer: &str| format!("left: hangup({peer}, {TOO_LARGE}), core hangup({TOO_LARGE})");
    assert_eq!(harness.edge.alice(call).await, left("bob"));
    assert_eq!(harness.edge.bob(call).await, left("alice"));
    expect_clean(&harness, &janus).await;
}

/// An edge that has left for good gets no event of a call. So the call ends, also for the other side.
#[tokio::test]
async fn call_whose_edge_has_left_ends() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    let call = harness.ringing().await;
    harness.bus.close(&Mailbox::Edge(ServiceId::from("edge-1"))).await.unwrap();
    harness.request(call, Side::Callee, json!({"request": "accept"}), Some(testkit::sdp::answer())).await;
    eventually("the call is over", async || harness.calls().await == [None; 2]).await;
    expect_clean(&harness, &janus).await;
}
