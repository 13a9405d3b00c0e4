//! A client that does not read what it is told.

use crate::bench::{Bench, context, parse};
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

async fn ask(socket: &mut Socket, request: Value) -> Value {
    socket.send(request.to_string().into()).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    serde_json::from_str(answer.to_text().unwrap()).unwrap()
}

/// A session with a handle at this edge.
async fn attached(socket: &mut Socket, edge: ServiceId) -> Address {
    let created = ask(socket, json!({"janus": "create", "transaction": "c"})).await;
    let session = created["data"]["id"].as_u64().unwrap();
    let attach = json!({"janus": "attach", "transaction": "a", "session_id": session, "plugin": "janus.plugin.videocall"});
    let handle = ask(socket, attach).await["data"]["id"].as_u64().unwrap();
    Address { edge, session: SessionId(session), handle: HandleId(handle) }
}

#[tokio::test]
async fn what_it_has_not_read_is_heard_after_its_edge_was_killed() {
    let bench = Bench::first(&[]).await;
    let context = context(bench.bus.clone(), bench.directory.clone(), true);
    let id = context.id.clone();
    let edge = Edge::start(&parse(&["--canary-interval=0"]), context).await.unwrap();
    let (near, far) = duplex(1024);
    edge.serve_transport(Box::new(far));
    let request =
        ClientRequestBuilder::new("ws://edge/".parse().unwrap()).with_sub_protocol("janus-protocol");
    let (mut socket, _) = tokio_tungstenite::client_async(request, near).await.unwrap();
    let alice = attached(&mut socket, id.clone()).await;
    for number in 0..10 {
        bench.tell_core(&alice, number).await;
    }
    bench.settled(&id).await;
    drop(edge);
    let mut heard = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        heard.push(message["number"].as_u64().unwrap());
    }
    assert!((1..5).contains(&heard.len()), "{heard:?}");
    let mut client = Client::claim(&bench.url, alice.session.0).await;
    while heard.len() < 10 {
        heard.push(client.expect_core("media").await["number"].as_u64().unwrap());
    }
    assert_eq!(heard, (0..10).collect::<Vec<_>>());
}
