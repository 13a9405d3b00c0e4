//! An operator disconnects a session.

use crate::harness::Harness;
use bus::message::{Body, Disconnect, Message};
use bus::topic::Mailbox;
use common::ServiceId;
use protocol::SessionId;
use serde_json::json;
use testkit::eventually;

async fn disconnect(harness: &Harness, edge: &ServiceId, session: u64) {
    let body = Body::Disconnect(Disconnect { session: SessionId(session) });
    harness.bus.post(&Mailbox::Edge(edge.clone()), &Message::new(body)).await.unwrap();
}

#[tokio::test]
async fn disconnect_sends_timeout_and_releases_the_handle() {
    let mut harness = Harness::start(&[]).await;
    let (mut alice, received, _) = harness.ringing().await;
    let session = alice.session();
    disconnect(&harness, &harness.id, session).await;
    assert_eq!(alice.expect_core("timeout").await["session_id"], session);
    let Body::Release(release) = harness.message().await.body else { panic!("expected a release") };
    assert_eq!(release.who, received.request.from.handle_ref());
    let keepalive = json!({"janus": "keepalive", "session_id": session});
    assert_eq!(alice.request(keepalive).await["error"]["code"], 458);
    eventually("the session is not in the directory", async || {
        harness.directory.session(SessionId(session)).await.unwrap().is_none()
    })
    .await;
    harness.wait_until_acked(&harness.id).await;
    // The socket stays open.
    alice.create().await;
}

#[tokio::test]
async fn disconnect_leaves_other_sessions_of_the_socket() {
    let mut harness = Harness::start(&[]).await;
    let mut alice = harness.alice().await;
    let first = alice.session();
    alice.create().await;
    disconnect(&harness, &harness.id, first).await;
    assert_eq!(alice.expect_core("timeout").await["session_id"], first);
    alice.keepalive().await;
}

#[tokio::test]
async fn disconnect_ends_a_session_without_a_socket() {
    let mut harness = Harness::start(&[]).await;
    let mut alice = harness.alice().await;
    let session = alice.session();
    alice.drop_socket();
    disconnect(&harness, &harness.id, session).await;
    assert!(matches!(harness.message().await.body, Body::Release(_)));
    eventually("the session is not in the directory", async || {
        harness.directory.session(SessionId(session)).await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn disconnect_follows_a_session_that_has_moved() {
    let mut harness = Harness::first(&[]).await;
    let other = harness.another(&[]).await;
    let mut alice = harness.alice().await;
    alice.reconnect(&other.url).await;
    disconnect(&harness, &harness.id, alice.session()).await;
    assert_eq!(alice.expect_core("timeout").await["session_id"], alice.session());
}

#[tokio::test]
async fn disconnect_of_an_unknown_session_is_ignored() {
    let mut harness = Harness::start(&[]).await;
    let mut alice = harness.alice().await;
    disconnect(&harness, &harness.id, 77).await;
    harness.wait_until_acked(&harness.id).await;
    alice.keepalive().await;
}
