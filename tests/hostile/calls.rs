//! Bursts of calls: from one client with many handles, and from many connections of one address.

use super::harness::{Fixture, pace, registered_from};
use serde_json::json;
use std::time::Duration;
use testkit::raw_websocket::Received;
use testkit::{Client, RawWebsocket, Service, transport_from};
use tokio::task::JoinSet;
use tokio::time::Instant;

const ADDRESS: &str = "127.0.0.61";
const HANDLES: usize = 60;
/// Calls a second, in messages of as many as there are handles.
const RATE: u32 = 600;
const CONNECTIONS: usize = 20;
/// The services are not optimized here: the default of 100 calls a second would be more than all honest calls together.
const ADDRESS_LIMIT: &str = "--max-call-rate-per-address=12";
/// Calls a second of each connection.
const CONNECTION_RATE: u32 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_one_client_harm_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let _accomplice = registered_from(ADDRESS, &fixture.edge_url(1), "accomplice").await;
        let mallory = registered_from(ADDRESS, &fixture.edge_url(0), "mallory").await;
        let (mut websocket, handles) = many_handles(&fixture, mallory.session()).await;
        let message: String = handles.iter().map(|handle| call(mallory.session(), *handle)).collect();
        let mut pace = pace(RATE / HANDLES as u32);
        loop {
            tokio::select! {
                _ = pace.tick() => {
                    // The edge reads no more while calls wait.
                    let sent = tokio::time::timeout(Duration::from_millis(20), websocket.send(message.clone()));
                    assert!(sent.await.unwrap_or(true), "the attacker is disconnected");
                }
                received = websocket.next_until(Instant::now() + Duration::from_secs(60)) => {
                    assert!(matches!(received, Received::Text(_)), "{received:?}");
                }
            }
        }
    };
    fixture.withstand("calls of one client", attack).await;
}

/// Claims a session on a connection that does not parse what it receives, and attaches handles with names.
async fn many_handles(fixture: &Fixture, session: u64) -> (RawWebsocket, Vec<u64>) {
    let mut owner =
        Client::over(transport_from(ADDRESS, &fixture.edge_url(0)).await).await.with_session(session);
    owner.claim_session().await;
    let mut handles = Vec::new();
    for number in 0..HANDLES {
        owner.attach().await;
        owner.register(&format!("mallory {number}")).await;
        handles.push(owner.handle());
    }
    let mut websocket =
        RawWebsocket::over(transport_from(ADDRESS, &fixture.edge_url(0)).await).await.unwrap();
    let claim = json!({"janus": "claim", "transaction": "claim", "session_id": session});
    assert!(websocket.send(claim.to_string()).await);
    (websocket, handles)
}

fn call(session: u64, handle: u64) -> String {
    let body = json!({"request": "call", "username": "accomplice"});
    json!({"janus": "message", "transaction": "call", "session_id": session, "handle_id": handle,
        "body": body, "jsep": testkit::sdp::offer()})
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_one_address_harm_no_call() {
    let fixture = Fixture::with(|plan| plan.with(Service::Edge, ADDRESS_LIMIT)).await;
    let attack = async {
        let _accomplice = registered_from(ADDRESS, &fixture.edge_url(1), "accomplice").await;
        let mut connections = JoinSet::new();
        for number in 0..CONNECTIONS {
            let name = format!("mallory {number}");
            let client = registered_from(ADDRESS, &fixture.edge_url(number % 2), &name).await;
            connections.spawn(call_often(client));
        }
        while let Some(ended) = connections.join_next().await {
            ended.unwrap();
        }
    };
    fixture.withstand("calls of one address", attack).await;
}

async fn call_often(mut client: Client) {
    let message = call(client.session(), client.handle());
    let mut pace = pace(CONNECTION_RATE);
    loop {
        tokio::select! {
            _ = pace.tick() => {
                let _ = tokio::time::timeout(Duration::from_millis(5), client.send_text(message.clone())).await;
            }
            _ = client.next() => {}
        }
    }
}
