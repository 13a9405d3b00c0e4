//! The directory loses an edge or a session.

use crate::harness::Harness;
use bus::message::{Body, Restore};
use protocol::SessionId;
use testkit::eventually;

#[tokio::test]
async fn forgotten_edge_registers_itself_and_its_sessions_again() {
    let mut harness = Harness::first(&[]).await;
    let (alice, received, leg) = harness.ringing().await;
    let session = SessionId(alice.session());
    eventually("the session is stored", async || {
        harness.wait_until_acked(&harness.id).await;
        harness.directory.session(session).await.unwrap().is_some()
    })
    .await;
    harness.directory.close_session(session, &harness.id).await.unwrap();
    harness.directory.remove_edge(&harness.id).await.unwrap();
    assert!(matches!(harness.leg_message().await.body, Body::ClientMoved(moved) if moved.leg == leg));
    let restore = Restore { who: received.request.from.clone(), username: "alice".to_owned() };
    assert!(matches!(harness.message().await.body, Body::Restore(sent) if sent == restore));
    let other = harness.another(&[]).await;
    let mut alice = alice;
    alice.reconnect(&other.url).await;
    harness.send_sequenced(&harness.id, &received.request.from, leg, 1, "update").await;
    alice.expect_event("update").await;
}

#[tokio::test]
async fn missing_session_is_restored() {
    let mut harness = Harness::first(&[]).await;
    let (alice, received, leg) = harness.ringing().await;
    let session = SessionId(alice.session());
    harness.wait_until_acked(&harness.id).await;
    harness.directory.close_session(session, &harness.id).await.unwrap();
    harness.send_sequenced(&harness.id, &received.request.from, leg, 1, "update").await;
    assert!(matches!(harness.leg_message().await.body, Body::ClientMoved(moved) if moved.leg == leg));
    assert!(matches!(harness.message().await.body, Body::Restore(_)));
    assert_eq!(harness.directory.session(session).await.unwrap().unwrap().edge, harness.id);
}
