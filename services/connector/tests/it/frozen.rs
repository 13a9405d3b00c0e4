//! A connector that resumes after a pause, while another one has its lease, changes nothing.

use crate::harness::Harness;
use protocol::Side;
use serde_json::json;
use std::time::Duration;
use testkit::{FakeJanus, eventually};

const FREEZE: Duration = Duration::from_secs(8);

fn sent(janus: &FakeJanus, what: &str) -> usize {
    let is_it = |request: &&serde_json::Value| request["janus"] == what || request["body"]["request"] == what;
    janus.requests().iter().filter(is_it).count()
}

#[tokio::test]
async fn request_is_handled_once_by_the_lease_holder() {
    let janus = FakeJanus::start().await;
    let (mut harness, first) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    first.freeze(FREEZE).await;
    let _second = harness.connector(&[("a", &janus)]);
    harness.request(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    assert_eq!(harness.edge.alice(call).await, "t/set");
    let before = janus.requests().len();
    tokio::time::sleep(FREEZE).await;
    let more: Vec<_> = janus.requests().split_off(before);
    let harmless = |request: &serde_json::Value| request["janus"] == "keepalive";
    assert!(more.iter().all(harmless), "{more:?}");
    assert_eq!(sent(&janus, "set"), 1);
    harness.hang_up(call, Side::Callee).await;
    harness.edge.until_left(Side::Caller, call).await;
    harness.edge.until_left(Side::Callee, call).await;
    harness.edge.assert_empty().await;
}

#[tokio::test]
async fn unread_janus_messages_end_no_call_twice() {
    let janus = FakeJanus::start().await;
    let (mut harness, first) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    first.freeze(FREEZE).await;
    janus.lose_media("ICE failed");
    let _second = harness.connector(&[("a", &janus)]);
    harness.edge.until_left(Side::Caller, call).await;
    harness.edge.until_left(Side::Callee, call).await;
    let next = harness.talking().await;
    tokio::time::sleep(FREEZE).await;
    harness.hang_up(next, Side::Callee).await;
    harness.edge.until_left(Side::Caller, next).await;
    harness.edge.until_left(Side::Callee, next).await;
    harness.edge.assert_empty().await;
    let twice = ["ringing", "answered", "ended", "ringing", "answered", "ended"];
    eventually("the log has each end once", async || harness.log().await == twice).await;
}

#[tokio::test]
async fn connector_without_a_successor_continues() {
    let janus = FakeJanus::start().await;
    let (mut harness, first) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    harness.wait_saved(call).await;
    first.freeze(FREEZE).await;
    harness.request(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    assert_eq!(harness.edge.alice(call).await, "t/set");
    assert_eq!(janus.sessions(), 1, "it has not reconnected");
    harness.hang_up(call, Side::Callee).await;
    harness.edge.until_left(Side::Caller, call).await;
    harness.edge.until_left(Side::Callee, call).await;
}
