//! The scenarios against the fake Janus, and the failures it can simulate.

use crate::scenarios;
use serde_json::json;
use testkit::message::{PROBE, VIDEOCALL, kind};
use testkit::{Client, FakeJanus, eventually};

scenarios_at!(FakeJanus);

#[tokio::test]
async fn it_counts_sessions_handles_and_calls() {
    let janus = FakeJanus::start().await;
    let mut alice = Client::registered(&janus.url(), "alice").await;
    let mut bob = Client::registered(&janus.url(), "bob").await;
    alice.call("bob").await;
    assert_eq!((janus.sessions(), janus.handles(), janus.calls()), (2, 2, 1));
    bob.detach().await;
    assert_eq!((janus.sessions(), janus.handles(), janus.calls()), (2, 1, 0));
    alice.destroy().await;
    assert_eq!((janus.sessions(), janus.handles(), janus.calls()), (1, 0, 0));
    assert_eq!(kind(janus.requests().last().unwrap()), "destroy");
}

#[tokio::test]
async fn a_frozen_plugin_acknowledges_but_sends_no_event() {
    let janus = FakeJanus::start().await;
    let mut alice = Client::attached(&janus.url()).await;
    janus.freeze_plugin();
    let list = alice.on_handle(json!({"janus": "message", "body": {"request": "list"}}));
    alice.request_for("ack", list).await;
    alice.expect_no("event").await;
    alice.detach().await;
    alice.attach().await;
    janus.unfreeze_plugin();
    alice.register("alice").await;
}

#[tokio::test]
async fn a_session_can_be_claimed_after_its_connection_dropped() {
    let janus = FakeJanus::start().await;
    let mut alice = Client::registered(&janus.url(), "alice").await;
    janus.drop_connections();
    assert_eq!(alice.expect_closed().await, None);
    alice.reconnect(&janus.url()).await;
    assert_eq!(alice.list().await, ["alice"]);
}

#[tokio::test]
async fn requests_are_answered_after_a_pause() {
    let janus = FakeJanus::start().await;
    let mut alice = Client::attached(&janus.url()).await;
    janus.stop_answering();
    let before = janus.requests().len();
    let transaction = alice.post(json!({"janus": "ping"})).await;
    assert_eq!(janus.requests().len(), before);
    janus.resume_answering();
    alice.expect("the pong", |message| message["transaction"] == transaction).await;
}

#[tokio::test]
async fn it_restarts_empty_on_the_same_port() {
    let mut janus = FakeJanus::start().await;
    let mut alice = Client::registered(&janus.url(), "alice").await;
    janus.crash().await;
    alice.expect_closed().await;
    assert!(tokio::net::TcpStream::connect(janus.url().trim_start_matches("ws://")).await.is_err());
    janus.restart().await;
    assert_eq!(janus.sessions(), 0);
    Client::registered(&janus.url(), "alice").await;
}

#[tokio::test]
async fn lost_media_ends_the_call_on_both_sides() {
    let janus = FakeJanus::start().await;
    let mut alice = Client::registered(&janus.url(), "alice").await;
    let mut bob = Client::registered(&janus.url(), "bob").await;
    alice.call("bob").await;
    bob.accept().await;
    janus.lose_media("ICE failed");
    assert_eq!(alice.expect_core("hangup").await["reason"], "ICE failed");
    assert_eq!(alice.expect_hangup().await["reason"], "Remote WebRTC hangup");
    assert_eq!(bob.expect_hangup().await["reason"], "Remote WebRTC hangup");
    assert_eq!(bob.expect_core("hangup").await["reason"], "Close PC");
    assert_eq!(janus.calls(), 0);
}

#[tokio::test]
async fn sessions_can_be_refused() {
    let janus = FakeJanus::start().await;
    janus.refuse_sessions(true);
    let mut alice = Client::connect(&janus.url()).await;
    assert_eq!(alice.request(json!({"janus": "create"})).await["error"]["code"], 472);
    janus.refuse_sessions(false);
    alice.create().await;
    eventually("the session is there", async || janus.sessions() == 1).await;
}

#[tokio::test]
async fn probes_are_counted_separately() {
    let janus = FakeJanus::start().await;
    let _alice = Client::registered(&janus.url(), "alice").await;
    let before = janus.requests().len();
    let mut probe = Client::connect(&janus.url()).await;
    probe.create().await;
    let attach =
        json!({"janus": "attach", "plugin": VIDEOCALL, "opaque_id": PROBE, "session_id": probe.session()});
    probe.request_for("success", attach).await;
    assert_eq!((janus.sessions(), janus.handles(), janus.probes()), (1, 1, 1));
    assert_eq!((janus.requests().len(), janus.probe_requests().len()), (before + 1, 1), "and its create");
    probe.destroy().await;
    assert_eq!((janus.sessions(), janus.handles(), janus.probes()), (1, 1, 0));
}
