//! One client that takes all that it gets: sessions, handles, names, and bytes that wait.

use super::harness::{Fixture, pace};
use futures_util::future::join_all;
use serde_json::json;
use testkit::{Client, RawWebsocket, Service};

/// Requests a second of each connection.
const RATE: u32 = 50;
const CONNECTIONS: usize = 3;
/// What a connection may have.
const MAX_SESSIONS: usize = 16;
const MAX_HANDLES: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_handles_of_a_client_are_few() {
    let fixture = Fixture::start().await;
    let url = fixture.edge_url(0);
    let attack = async {
        join_all((0..CONNECTIONS).map(|number| take_all(&url, number))).await;
    };
    fixture.withstand("sessions, handles and names", attack).await;
}

/// Creates sessions and handles with names, again and again; keeps what it gets.
async fn take_all(url: &str, number: usize) {
    let mut client = Client::connect(url).await;
    let (mut sessions, mut handles) = (Vec::new(), 0);
    let mut pace = pace(RATE);
    for turn in 0.. {
        pace.tick().await;
        let created = client.request(json!({"janus": "create"})).await;
        sessions.extend(created["data"]["id"].as_u64());
        assert!(sessions.len() <= MAX_SESSIONS, "{created}");
        let session = sessions[turn % sessions.len()];
        let attach = json!({"janus": "attach", "session_id": session, "plugin": "janus.plugin.videocall"});
        let attached = client.request(attach).await;
        if let Some(handle) = attached["data"]["id"].as_u64() {
            handles += 1;
            assert!(handles <= MAX_HANDLES, "{attached}");
            let body = json!({"request": "register", "username": format!("hoarder {number} {handles}")});
            client
                .post(json!({"janus": "message", "session_id": session, "handle_id": handle, "body": body}))
                .await;
        }
        client.clear_inbox().await;
    }
}

/// New messages a second, and how many connections have one that they do not complete.
const MESSAGE_RATE: u32 = 30;
const MESSAGES: usize = 120;
const FIRST_FRAGMENT: u8 = 0x01;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_wait_are_bounded_for_all_clients() {
    let fixture = Fixture::with(|plan| plan.with(Service::Edge, "--max-client-memory=16")).await;
    let url = fixture.edge_url(0);
    let attack = async {
        let mut open = Vec::new();
        let mut pace = pace(MESSAGE_RATE);
        loop {
            pace.tick().await;
            if open.len() == MESSAGES {
                continue;
            }
            let owner = Client::attached(&url).await;
            let mut websocket = RawWebsocket::open(&url).await.unwrap();
            let claim = json!({"janus": "claim", "transaction": "t", "session_id": owner.session()});
            websocket.send(claim.to_string()).await;
            websocket.next_until(tokio::time::Instant::now() + testkit::DEADLINE).await;
            // As much as the edge takes.
            for size in [400_000, 200_000, 100_000, 50_000] {
                if websocket.send_frame(FIRST_FRAGMENT, vec![b'x'; size]).await {
                    break;
                }
            }
            open.push(websocket);
        }
    };
    fixture.withstand("messages that are not completed", attack).await;
}
