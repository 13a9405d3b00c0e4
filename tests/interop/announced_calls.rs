//! A proxy of janus-cloud announces a call that does not come, or that comes from another caller.

use super::mixed_cluster::{MixedCluster, refusal};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::http::{self, Response};
use testkit::{Client, becomes_true};
use tokio::time::Instant;

/// How long the call is awaited, plus a margin for a busy machine.
const ANNOUNCEMENT_TIMEOUT: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_secs(5);

async fn invite(mixed: &MixedCluster, callee: &str, caller: &str, backend: &str) -> Response {
    let url = format!("{}/plugins/videocall/{callee}", mixed.cluster.rest_url(0));
    let body = json!({"caller_username": caller, "backend_server_url": backend});
    http::post(&url, &body.to_string()).await
}

fn info(response: &Response) -> String {
    let body: Value = serde_json::from_str(&response.body).unwrap();
    let mut names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["exception", "info", "traceback"], "{body}");
    assert_eq!(body["traceback"], json!([]));
    body["info"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn announced_call_that_does_not_come_is_undone_silently() {
    let mixed = MixedCluster::start().await;
    let mut bob = mixed.registered_here("bob").await;
    let mut carol = mixed.registered_here("carol").await;
    let since = Instant::now();
    let taken = invite(&mixed, "bob", "alice", &mixed.janus.url()).await;
    assert_eq!((taken.status, taken.body.as_str()), (200, ""));
    assert_eq!(mixed.peer_of("bob").await.as_deref(), Some("alice"));
    assert_eq!(mixed.janus.admin().await.all_handles().await, 1);

    let again = invite(&mixed, "bob", "dave", &mixed.janus.url()).await;
    assert_eq!((again.status, info(&again).as_str()), (480, "User bob busy"));

    // Another client calls the name on the Janus itself. That is not the announced call.
    let mut other = Client::registered(&mixed.janus.url(), "other").await;
    other.call("bob").await;
    bob.client.expect_no("incomingcall").await;

    let free =
        becomes_true(ANNOUNCEMENT_TIMEOUT + SLACK, async || mixed.peer_of("bob").await.is_none()).await;
    assert!(free, "the call that did not come is still expected");
    assert!(since.elapsed() >= ANNOUNCEMENT_TIMEOUT - Duration::from_secs(1), "after {:?}", since.elapsed());
    other.destroy().await;
    mixed.expect_all_free(&["bob"]).await;
    let events = bob.client.transcript().events();
    assert_eq!(events, ["registered"], "a user who was not called receives no event");
    carol.call(&mut bob).await;
}

#[tokio::test]
async fn announcement_for_unknown_callee_or_janus_is_refused() {
    let mixed = MixedCluster::start().await;
    let (_bob, _dave) = (mixed.registered_here("bob").await, mixed.registered_there("dave").await);
    let known = mixed.janus.url();
    let refused = invite(&mixed, "nobody", "alice", &known).await;
    assert_eq!((refused.status, info(&refused).as_str()), (478, "Username 'nobody' doesn't exist"));
    let relayed = invite(&mixed, "dave", "alice", &known).await;
    assert_eq!((relayed.status, info(&relayed).as_str()), (472, "Not support relay http request"));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unknown = format!("ws://{}", listener.local_addr().unwrap());
    let undialled = invite(&mixed, "bob", "alice", &unknown).await;
    assert_eq!((undialled.status, info(&undialled).as_str()), (502, "No such backend server"));
    let dialled = tokio::time::timeout(Duration::from_millis(500), listener.accept()).await;
    assert!(dialled.is_err(), "an unknown address is not dialled");
    mixed.expect_all_free(&["bob", "dave"]).await;
}

#[tokio::test]
async fn name_already_on_janus_is_refused_with_janus_text() {
    let mixed = MixedCluster::start().await;
    let mut bob = mixed.registered_here("bob").await;
    let mut alice = mixed.registered_there("alice").await;
    let mut other = Client::registered(&mixed.janus.url(), "bob").await;
    let refused = invite(&mixed, "bob", "alice", &mixed.janus.url()).await;
    assert_eq!((refused.status, info(&refused).as_str()), (476, "Username 'bob' already taken"));
    let answer = alice.client.try_call("bob").await;
    assert_eq!(refusal(&answer), (476, "Username 'bob' already taken"));
    other.destroy().await;
    mixed.expect_all_free(&["alice", "bob"]).await;
    alice.call(&mut bob).await;
}
