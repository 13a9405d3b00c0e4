//! An operator ends a session.

use crate::bench::Bench;
use bus::message::{Body, Disconnect, Message};
use bus::topic::Mailbox;
use common::ServiceId;
use protocol::SessionId;
use serde_json::json;
use testkit::eventually;

async fn disconnect(bench: &Bench, edge: &ServiceId, session: u64) {
    let body = Body::Disconnect(Disconnect { session: SessionId(session) });
    bench.bus.post(&Mailbox::Edge(edge.clone()), &Message::new(body)).await.unwrap();
}

#[tokio::test]
async fn its_client_hears_timeout_and_its_name_and_call_are_given_back() {
    let mut bench = Bench::start(&[]).await;
    let (mut alice, asked, _) = bench.ringing().await;
    let session = alice.session();
    disconnect(&bench, &bench.id, session).await;
    assert_eq!(alice.expect_core("timeout").await["session_id"], session);
    let Body::Release(release) = bench.message().await.body else { panic!("the handle is given back") };
    assert_eq!(release.who, asked.asks.from.handle_ref());
    let keepalive = json!({"janus": "keepalive", "session_id": session});
    assert_eq!(alice.request(keepalive).await["error"]["code"], 458);
    eventually("the session is not in the directory", async || {
        bench.directory.session(SessionId(session)).await.unwrap().is_none()
    })
    .await;
    bench.settled(&bench.id).await;
    // The socket is still good.
    alice.create().await;
}

#[tokio::test]
async fn the_other_sessions_of_its_socket_go_on() {
    let mut bench = Bench::start(&[]).await;
    let mut alice = bench.alice().await;
    let first = alice.session();
    alice.create().await;
    disconnect(&bench, &bench.id, first).await;
    assert_eq!(alice.expect_core("timeout").await["session_id"], first);
    alice.keepalive().await;
}

#[tokio::test]
async fn a_session_whose_client_is_away_ends_too() {
    let mut bench = Bench::start(&[]).await;
    let mut alice = bench.alice().await;
    let session = alice.session();
    alice.drop_socket();
    disconnect(&bench, &bench.id, session).await;
    assert!(matches!(bench.message().await.body, Body::Release(_)));
    eventually("the session is not in the directory", async || {
        bench.directory.session(SessionId(session)).await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn a_session_that_has_moved_is_ended_where_it_is() {
    let mut bench = Bench::first(&[]).await;
    let other = bench.another(&[]).await;
    let mut alice = bench.alice().await;
    alice.reconnect(&other.url).await;
    disconnect(&bench, &bench.id, alice.session()).await;
    assert_eq!(alice.expect_core("timeout").await["session_id"], alice.session());
}

#[tokio::test]
async fn a_session_that_is_not_there_is_no_matter() {
    let mut bench = Bench::start(&[]).await;
    let mut alice = bench.alice().await;
    disconnect(&bench, &bench.id, 77).await;
    bench.settled(&bench.id).await;
    alice.keepalive().await;
}
