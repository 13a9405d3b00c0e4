//! Sessions end, and with the edge all of them.

use crate::bench::Bench;
use bus::SendError;
use bus::message::{Body, Message};
use bus::topic::Mailbox;
use protocol::HandleRef;
use serde_json::json;
use testkit::Client;

#[tokio::test]
async fn a_session_that_is_silent_for_too_long_ends() {
    let mut bench = Bench::start(&["--session-timeout", "1"]).await;
    let mut alice = bench.alice().await;
    assert_eq!(alice.expect_core("timeout").await["session_id"], alice.session());
    assert_eq!(released(bench.message().await), Some((alice.session(), alice.handle())));
    assert_eq!(alice.request(alice.on_session(json!({"janus": "keepalive"}))).await["error"]["code"], 458);
    alice.create().await;
}

#[tokio::test]
async fn a_session_that_nobody_claims_ends() {
    let mut bench = Bench::start(&["--reclaim-timeout", "1"]).await;
    let mut alice = bench.alice().await;
    alice.drop_socket();
    assert_eq!(released(bench.message().await), Some((alice.session(), alice.handle())));
    let mut late = Client::connect(&bench.url).await;
    let reply = late.request(json!({"janus": "claim", "session_id": alice.session()})).await;
    assert_eq!(reply["error"]["code"], 458);
}

#[tokio::test]
async fn a_session_id_is_free_again_when_its_session_is_over() {
    let bench = Bench::start(&[]).await;
    let mut alice = Client::connect(&bench.url).await;
    let create = json!({"janus": "create", "id": 77});
    alice.request_for("success", create.clone()).await;
    assert_eq!(alice.request(create.clone()).await["error"]["code"], 468);
    alice.request_for("success", json!({"janus": "destroy", "session_id": 77})).await;
    alice.request_for("success", create).await;
}

#[tokio::test]
async fn an_edge_that_stops_gives_back_what_it_held_and_says_goodbye() {
    let mut bench = Bench::start(&[]).await;
    let mut alice = bench.alice().await;
    alice.post_message(json!({"request": "list"}), None).await;
    let from = bench.request("list").await.asks.from;
    bench.stop.cancel();
    assert_eq!(alice.expect_closed().await, Some(1001));
    assert_eq!(released(bench.message().await), Some((alice.session(), alice.handle())));
    (&mut bench.edge).await.unwrap();
    let nothing = Message::new(Body::Hangup(bus::message::LegRef {
        call: common::CallId::fresh(),
        side: protocol::Side::Caller,
    }));
    let sent = bench.bus.post(&Mailbox::Edge(from.edge), &nothing).await;
    assert!(matches!(sent, Err(SendError::NoMailbox)), "{sent:?}");
}

fn released(message: Message) -> Option<(u64, u64)> {
    let Body::Release(release) = message.body else { return None };
    let HandleRef { session, handle } = release.who;
    Some((session.0, handle.0))
}
