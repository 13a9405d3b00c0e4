//! An edge that is full, and what its clients may hold.

use crate::harness::Harness;
use serde_json::json;
use testkit::raw_websocket::Received;
use testkit::{Client, DEADLINE, RawWebsocket, eventually};
use tokio::time::Instant;

#[tokio::test]
async fn full_edge_is_not_ready() {
    let harness = Harness::start(&["--max-connections=3"]).await;
    let reasons = || harness.health.reasons();
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Client::attached(&harness.url).await);
    }
    eventually("the edge is not ready", async || {
        reasons()
            == [("clients".to_owned(), "all 3 places for clients are taken (--max-connections)".to_owned())]
    })
    .await;
    clients.truncate(1);
    eventually("the edge is ready again", async || reasons().is_empty()).await;
}

#[tokio::test]
async fn sessions_and_handles_follow_the_options() {
    let harness = Harness::start(&["--max-sessions=2", "--max-handles=3"]).await;
    let mut client = Client::connect(&harness.url).await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        sessions.push(client.request(json!({"janus": "create"})).await["data"]["id"].clone());
    }
    assert_eq!(client.request(json!({"janus": "create"})).await["error"]["code"], 490);
    let attach = |number: usize| json!({"janus": "attach", "session_id": sessions[number % 2], "plugin": "janus.plugin.videocall"});
    for number in 0..3 {
        assert_eq!(client.request(attach(number)).await["janus"], "success");
    }
    assert_eq!(client.request(attach(3)).await["error"]["code"], 490);
    // A session of another connection cannot be claimed either.
    let other = Client::attached(&harness.url).await;
    let claim = json!({"janus": "claim", "session_id": other.session()});
    assert_eq!(client.request(claim).await["error"]["code"], 490);
}

#[tokio::test]
async fn requests_that_wait_are_refused_when_they_are_too_large() {
    let harness = Harness::start(&["--max-client-memory=16"]).await;
    let client = Client::attached(&harness.url).await;
    let mut websocket = RawWebsocket::open(&harness.url).await.unwrap();
    let claim = json!({"janus": "claim", "transaction": "claim", "session_id": client.session()});
    assert!(websocket.send(claim.to_string()).await);
    let claimed = websocket.next_until(Instant::now() + DEADLINE).await;
    assert!(matches!(&claimed, Received::Text(text) if text.contains("success")), "{claimed:?}");
    // No router answers, so all but the first wait.
    let body = json!({"request": "list", "x": "x".repeat(100_000)});
    for number in 0..12 {
        let list = json!({"janus": "message", "transaction": number.to_string(), "session_id": client.session(),
            "handle_id": client.handle(), "body": body});
        assert!(websocket.send(list.to_string()).await);
    }
    let mut accepted = 0;
    let mut refused = 0;
    while accepted + refused < 12 {
        match websocket.next_until(Instant::now() + DEADLINE).await {
            Received::Text(text) if text.contains("\"ack\"") => accepted += 1,
            Received::Text(text) if text.contains("490") => refused += 1,
            Received::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
    // A 32nd of 16 MiB.
    assert_eq!((accepted, refused), (1 + 5, 6));
}

#[tokio::test]
async fn address_of_a_client_is_stored_with_its_session() {
    let harness = Harness::start(&[]).await;
    let client = Client::attached(&harness.url).await;
    let stored = harness.directory.session(protocol::SessionId(client.session())).await.unwrap().unwrap();
    assert_eq!(stored.client.as_deref(), Some("127.0.0.1"));
}
