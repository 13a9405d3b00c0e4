//! Janus fails: its calls end, both sides are notified, and calls are placed again once it works.

use crate::harness::Harness;
use common::CallId;
use directory::record::BackendStatus;
use protocol::Side;
use serde_json::json;
use testkit::{Client, FakeJanus, eventually};

const GONE: &str = "The media server is gone";

async fn assert_both_left(harness: &mut Harness, call: CallId, reason: &str) {
    let left = |peer: &str| format!("left: hangup({peer}, {reason}), core hangup({reason})");
    assert_eq!(harness.edge.alice(call).await, left("bob"));
    assert_eq!(harness.edge.bob(call).await, left("alice"));
    assert_eq!(harness.calls().await, [None; 2]);
}

/// Checks that a Janus that refuses sessions gets calls again once it accepts them.
async fn assert_recovers(harness: &mut Harness, janus: &FakeJanus) {
    harness.wait_status("a", Some(BackendStatus::Abnormal)).await;
    janus.refuse_sessions(false);
    harness.wait_ready("a").await;
    harness.talking().await;
}

#[tokio::test]
async fn frozen_plugin_takes_no_call_and_keeps_no_handle() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    janus.freeze_plugin();
    let call = harness.place_call().await;
    assert_eq!(harness.edge.alice(call).await, "left: c/error 502");
    assert_eq!(harness.calls().await, [None; 2]);
    eventually("all handles are detached", async || janus.handles() == 0).await;
    janus.unfreeze_plugin();
    harness.talking().await;
}

#[tokio::test]
async fn plugin_frozen_during_a_call_ends_it_at_the_next_request() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    janus.freeze_plugin();
    harness.request(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    assert_both_left(&mut harness, call, "The media server does not answer").await;
    eventually("all handles are detached", async || janus.handles() == 0).await;
}

#[tokio::test]
async fn lost_connection_ends_the_call_and_is_restored() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    janus.refuse_sessions(true);
    janus.drop_connections();
    assert_both_left(&mut harness, call, GONE).await;
    assert_recovers(&mut harness, &janus).await;
}

#[tokio::test]
async fn dead_janus_gets_no_calls_until_it_is_back() {
    let mut janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    let call = harness.ringing().await;
    janus.crash().await;
    assert_both_left(&mut harness, call, GONE).await;
    harness.wait_status("a", Some(BackendStatus::Abnormal)).await;
    let refused = harness.place_call().await;
    assert_eq!(harness.edge.alice(refused).await, "left: c/error 502");
    janus.restart().await;
    harness.wait_ready("a").await;
    harness.talking().await;
}

#[tokio::test]
async fn janus_without_sessions_gets_no_calls() {
    let janus = FakeJanus::start().await;
    janus.refuse_sessions(true);
    let harness = Harness::new().await;
    let _connector = harness.connector(&[("a", &janus)]);
    harness.wait_status("a", Some(BackendStatus::Abnormal)).await;
    let refused = || janus.requests().iter().filter(|it| it["janus"] == "create").count();
    eventually("sessions are requested again", async || refused() >= 2).await;
    janus.refuse_sessions(false);
    harness.wait_ready("a").await;
}

#[tokio::test]
async fn silent_janus_counts_as_down_and_keeps_nothing() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    janus.stop_answering();
    let call = harness.place_call().await;
    assert_eq!(harness.edge.alice(call).await, "left: c/error 502");
    harness.wait_status("a", Some(BackendStatus::Abnormal)).await;
    janus.resume_answering();
    harness.wait_ready("a").await;
    eventually("nothing is left on Janus", async || (janus.sessions(), janus.handles()) == (1, 0)).await;
    harness.talking().await;
}

#[tokio::test]
async fn session_lost_by_janus_is_created_again() {
    let janus = FakeJanus::start().await;
    let (mut harness, _connector) = Harness::serving(&janus).await;
    let call = harness.talking().await;
    let sent = janus.requests();
    let session = sent.iter().find_map(|request| request["session_id"].as_u64()).unwrap();
    janus.refuse_sessions(true);
    let mut operator = Client::connect(&janus.url()).await;
    operator.request_for("success", json!({"janus": "destroy", "session_id": session})).await;
    harness.request(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    assert_both_left(&mut harness, call, GONE).await;
    assert_recovers(&mut harness, &janus).await;
}
