//! Sessions expire, or end with their edge.

use crate::harness::Harness;
use bus::SendError;
use bus::message::{Body, Message};
use bus::topic::Mailbox;
use protocol::HandleRef;
use serde_json::json;
use testkit::Client;

#[tokio::test]
async fn session_without_requests_expires() {
    let mut harness = Harness::start(&["--session-timeout", "1"]).await;
    let mut alice = harness.alice().await;
    assert_eq!(alice.expect_core("timeout").await["session_id"], alice.session());
    assert_eq!(released(harness.message().await), Some((alice.session(), alice.handle())));
    assert_eq!(alice.request(alice.on_session(json!({"janus": "keepalive"}))).await["error"]["code"], 458);
    alice.create().await;
}

#[tokio::test]
async fn unclaimed_session_expires() {
    let mut harness = Harness::start(&["--reclaim-timeout", "1"]).await;
    let mut alice = harness.alice().await;
    alice.drop_socket();
    assert_eq!(released(harness.message().await), Some((alice.session(), alice.handle())));
    let mut late = Client::connect(&harness.url).await;
    let reply = late.request(json!({"janus": "claim", "session_id": alice.session()})).await;
    assert_eq!(reply["error"]["code"], 458);
}

#[tokio::test]
async fn session_id_is_free_after_its_session_has_ended() {
    let harness = Harness::start(&[]).await;
    let mut alice = Client::connect(&harness.url).await;
    let create = json!({"janus": "create", "id": 77});
    alice.request_for("success", create.clone()).await;
    assert_eq!(alice.request(create.clone()).await["error"]["code"], 468);
    alice.request_for("success", json!({"janus": "destroy", "session_id": 77})).await;
    alice.request_for("success", create).await;
}

#[tokio::test]
async fn shutdown_releases_handles_and_closes_sockets() {
    let mut harness = Harness::start(&[]).await;
    let mut alice = harness.alice().await;
    alice.post_message(json!({"request": "list"}), None).await;
    let from = harness.request("list").await.request.from;
    harness.stop.cancel();
    assert_eq!(alice.expect_closed().await, Some(1001));
    assert_eq!(released(harness.message().await), Some((alice.session(), alice.handle())));
    (&mut harness.edge).await.unwrap();
    let message = Message::new(Body::Hangup(bus::message::LegRef {
        call: common::CallId::fresh(),
        side: protocol::Side::Caller,
    }));
    let sent = harness.bus.post(&Mailbox::Edge(from.edge), &message).await;
    assert!(matches!(sent, Err(SendError::NoMailbox)), "{sent:?}");
}

fn released(message: Message) -> Option<(u64, u64)> {
    let Body::Release(release) = message.body else { return None };
    let HandleRef { session, handle } = release.who;
    Some((session.0, handle.0))
}
