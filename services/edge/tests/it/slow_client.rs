//! A client that does not read its messages.

use crate::harness::{Harness, context, parse};
use bus::message::Address;
use common::ServiceId;
use edge::Edge;
use futures_util::{SinkExt, StreamExt};
use protocol::{HandleId, SessionId};
use serde_json::{Value, json};
use testkit::Client;
use tokio::io::{DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;

type Socket = WebSocketStream<DuplexStream>;

async fn request(socket: &mut Socket, request: Value) -> Value {
    socket.send(request.to_string().into()).await.unwrap();
    let reply = socket.next().await.unwrap().unwrap();
    serde_json::from_str(reply.to_text().unwrap()).unwrap()
}

/// Creates a session with a handle.
async fn attached(socket: &mut Socket, edge: ServiceId) -> Address {
    let created = request(socket, json!({"janus": "create", "transaction": "c"})).await;
    let session = created["data"]["id"].as_u64().unwrap();
    let attach = json!({"janus": "attach", "transaction": "a", "session_id": session, "plugin": "janus.plugin.videocall"});
    let handle = request(socket, attach).await["data"]["id"].as_u64().unwrap();
    Address { edge, session: SessionId(session), handle: HandleId(handle) }
}

#[tokio::test]
async fn unread_messages_are_delivered_after_the_edge_was_killed() {
    let harness = Harness::first(&[]).await;
    let context = context(harness.bus.clone(), harness.directory.clone(), true);
    let id = context.id.clone();
    let edge = Edge::start(&parse(&["--canary-interval=0"]), context).await.unwrap();
    let (client_end, edge_end) = duplex(1024);
    edge.serve_transport(Box::new(edge_end));
    let request =
        ClientRequestBuilder::new("ws://edge/".parse().unwrap()).with_sub_protocol("janus-protocol");
    let (mut socket, _) = tokio_tungstenite::client_async(request, client_end).await.unwrap();
    let alice = attached(&mut socket, id.clone()).await;
    for number in 0..10 {
        harness.send_core(&alice, number).await;
    }
    harness.wait_until_acked(&id).await;
    drop(edge);
    let mut received = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        received.push(message["number"].as_u64().unwrap());
    }
    assert!((1..5).contains(&received.len()), "{received:?}");
    let mut client = Client::claim(&harness.url, alice.session.0).await;
    while received.len() < 10 {
        received.push(client.expect_core("media").await["number"].as_u64().unwrap());
    }
    assert_eq!(received, (0..10).collect::<Vec<_>>());
}
