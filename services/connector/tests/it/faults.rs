//! A Janus that fails: its calls end, both sides are told, and when it is well again it takes calls.

use crate::harness::Bench;
use common::CallId;
use directory::record::BackendStatus;
use protocol::Side;
use serde_json::json;
use testkit::{Client, FakeJanus, eventually};

const GONE: &str = "The media server is gone";

async fn both_hear(bench: &mut Bench, call: CallId, reason: &str) {
    let left = |peer: &str| format!("left: hangup({peer}, {reason}), core hangup({reason})");
    assert_eq!(bench.edge.alice(call).await, left("bob"));
    assert_eq!(bench.edge.bob(call).await, left("alice"));
    assert_eq!(bench.calls().await, [None; 2]);
}

/// A Janus that refuses sessions is found out, and takes calls once it does not any more.
async fn recovers(bench: &mut Bench, janus: &FakeJanus) {
    bench.has_status("a", Some(BackendStatus::Abnormal)).await;
    janus.refuse_sessions(false);
    bench.is_ready("a").await;
    bench.talking().await;
}

#[tokio::test]
async fn a_frozen_plugin_takes_no_call_and_keeps_no_handle() {
    let janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    janus.freeze_plugin();
    let call = bench.place().await;
    assert_eq!(bench.edge.alice(call).await, "left: c/error 502");
    assert_eq!(bench.calls().await, [None; 2]);
    eventually("Janus has its handles back", async || janus.handles() == 0).await;
    janus.unfreeze_plugin();
    bench.talking().await;
}

#[tokio::test]
async fn a_plugin_that_freezes_in_a_call_ends_it_at_the_next_request() {
    let janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    janus.freeze_plugin();
    bench.asks(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    both_hear(&mut bench, call, "The media server does not answer").await;
    eventually("Janus has its handles back", async || janus.handles() == 0).await;
}

#[tokio::test]
async fn a_lost_connection_ends_the_call_and_comes_back_by_itself() {
    let janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    janus.refuse_sessions(true);
    janus.drop_connections();
    both_hear(&mut bench, call, GONE).await;
    recovers(&mut bench, &janus).await;
}

#[tokio::test]
async fn a_janus_that_dies_is_shunned_until_it_is_back() {
    let mut janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    let call = bench.ringing().await;
    janus.crash().await;
    both_hear(&mut bench, call, GONE).await;
    bench.has_status("a", Some(BackendStatus::Abnormal)).await;
    let call = bench.place().await;
    assert_eq!(bench.edge.alice(call).await, "left: c/error 502");
    janus.restart().await;
    bench.is_ready("a").await;
    bench.talking().await;
}

#[tokio::test]
async fn a_janus_that_takes_no_sessions_is_shunned_until_it_does() {
    let janus = FakeJanus::start().await;
    janus.refuse_sessions(true);
    let bench = Bench::new().await;
    let _connector = bench.connector(&[("a", &janus)]);
    bench.has_status("a", Some(BackendStatus::Abnormal)).await;
    let refused = || janus.requests().iter().filter(|it| it["janus"] == "create").count();
    eventually("it is asked again", async || refused() >= 2).await;
    janus.refuse_sessions(false);
    bench.is_ready("a").await;
}

#[tokio::test]
async fn a_janus_that_is_silent_counts_as_gone_and_keeps_nothing() {
    let janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    janus.stop_answering();
    let call = bench.place().await;
    assert_eq!(bench.edge.alice(call).await, "left: c/error 502");
    bench.has_status("a", Some(BackendStatus::Abnormal)).await;
    janus.resume_answering();
    bench.is_ready("a").await;
    eventually("nothing is left on Janus", async || (janus.sessions(), janus.handles()) == (1, 0)).await;
    bench.talking().await;
}

#[tokio::test]
async fn a_session_that_janus_has_forgotten_is_opened_anew() {
    let janus = FakeJanus::start().await;
    let (mut bench, _connector) = Bench::serving(&janus).await;
    let call = bench.talking().await;
    let said = janus.requests();
    let session = said.iter().find_map(|request| request["session_id"].as_u64()).unwrap();
    janus.refuse_sessions(true);
    let mut operator = Client::connect(&janus.url()).await;
    operator.request_for("success", json!({"janus": "destroy", "session_id": session})).await;
    bench.asks(call, Side::Caller, json!({"request": "set", "audio": false}), None).await;
    both_hear(&mut bench, call, GONE).await;
    recovers(&mut bench, &janus).await;
}
