//! Their proxy says that a call is about to come: what if it does not, or comes from somebody else.

use super::house::{MixedCluster, refusal};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::http::{self, Response};
use testkit::{Client, becomes_true};
use tokio::time::Instant;

/// How long the call is waited for, and what a busy machine may add.
const WAITED: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_secs(5);

async fn invite(house: &MixedCluster, callee: &str, caller: &str, backend: &str) -> Response {
    let url = format!("{}/plugins/videocall/{callee}", house.cluster.rest_url(0));
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
async fn a_call_that_does_not_come_is_undone_and_nobody_hears_of_it() {
    let house = MixedCluster::start().await;
    let mut bob = house.here("bob").await;
    let mut carol = house.here("carol").await;
    let since = Instant::now();
    let taken = invite(&house, "bob", "alice", &house.janus.url()).await;
    assert_eq!((taken.status, taken.body.as_str()), (200, ""));
    assert_eq!(house.in_call("bob").await.as_deref(), Some("alice"));
    assert_eq!(house.janus.admin().await.all_handles().await, 1);

    let again = invite(&house, "bob", "dave", &house.janus.url()).await;
    assert_eq!((again.status, info(&again).as_str()), (480, "User bob busy"));

    // Somebody else calls the name on the Janus itself; that is not the call that was announced.
    let mut stranger = Client::registered(&house.janus.url(), "stranger").await;
    stranger.call("bob").await;
    bob.client.expect_no("incomingcall").await;

    let free = becomes_true(WAITED + SLACK, async || house.in_call("bob").await.is_none()).await;
    assert!(free, "the call that did not come is still waited for");
    assert!(since.elapsed() >= WAITED - Duration::from_secs(1), "after {:?}", since.elapsed());
    stranger.destroy().await;
    house.all_are_free(&["bob"]).await;
    let heard = bob.client.transcript().events();
    assert_eq!(heard, ["registered"], "somebody who was not called hears nothing");
    carol.talks_to(&mut bob).await;
}

#[tokio::test]
async fn an_invitation_for_nobody_or_to_an_unknown_janus_is_refused() {
    let house = MixedCluster::start().await;
    let (_bob, _dave) = (house.here("bob").await, house.there("dave").await);
    let known = house.janus.url();
    let refused = invite(&house, "nobody", "alice", &known).await;
    assert_eq!((refused.status, info(&refused).as_str()), (478, "Username 'nobody' doesn't exist"));
    let refused = invite(&house, "dave", "alice", &known).await;
    assert_eq!((refused.status, info(&refused).as_str()), (472, "Not support relay http request"));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unknown = format!("ws://{}", listener.local_addr().unwrap());
    let refused = invite(&house, "bob", "alice", &unknown).await;
    assert_eq!((refused.status, info(&refused).as_str()), (502, "No such backend server"));
    let dialled = tokio::time::timeout(Duration::from_millis(500), listener.accept()).await;
    assert!(dialled.is_err(), "nobody dials what is no backend");
    house.all_are_free(&["bob", "dave"]).await;
}

#[tokio::test]
async fn a_name_that_janus_has_already_is_refused_with_its_words() {
    let house = MixedCluster::start().await;
    let mut bob = house.here("bob").await;
    let mut alice = house.there("alice").await;
    let mut stranger = Client::registered(&house.janus.url(), "bob").await;
    let refused = invite(&house, "bob", "alice", &house.janus.url()).await;
    assert_eq!((refused.status, info(&refused).as_str()), (476, "Username 'bob' already taken"));
    let answer = alice.client.try_call("bob").await;
    assert_eq!(refusal(&answer), (476, "Username 'bob' already taken"));
    stranger.destroy().await;
    house.all_are_free(&["alice", "bob"]).await;
    alice.talks_to(&mut bob).await;
}
