//! Messages that hold very many requests, before a session and with one.

use super::harness::{Fixture, pace};
use testkit::raw_websocket::Received;
use testkit::{DEADLINE, RawWebsocket};
use tokio::time::Instant;

/// Messages a second of each socket.
const RATE: u32 = 6;
/// The requests of a message from a client with a session: 256 KiB.
const WITH_SESSION: usize = 131_072;
/// The same from a client without one, whose messages may have 16 KiB.
const WITHOUT_SESSION: usize = 8_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_many_requests_harm_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut known = RawWebsocket::open(&fixture.edge_url(0)).await.unwrap();
        assert!(known.send(r#"{"janus":"create","transaction":"t"}"#.to_owned()).await);
        let created = known.next_until(Instant::now() + DEADLINE).await;
        assert!(matches!(&created, Received::Text(text) if text.contains("success")), "{created:?}");
        // Without a session it is closed after a while: it connects again.
        let anonymous = async {
            loop {
                let mut websocket = RawWebsocket::open(&fixture.edge_url(1)).await.unwrap();
                send_batches(&mut websocket, WITHOUT_SESSION).await;
            }
        };
        tokio::select! {
            () = send_batches(&mut known, WITH_SESSION) => panic!("the client with a session is disconnected"),
            () = anonymous => {}
        }
    };
    fixture.withstand("many requests in a message", attack).await;
}

/// Sends messages until the socket is closed. Each is refused.
async fn send_batches(websocket: &mut RawWebsocket, requests: usize) {
    let mut pace = pace(RATE);
    loop {
        tokio::select! {
            _ = pace.tick() => {
                if !websocket.send("{}".repeat(requests)).await {
                    return;
                }
            }
            received = websocket.next_until(Instant::now() + DEADLINE) => match received {
                Received::Text(text) => assert!(text.contains("at most 64"), "{text}"),
                Received::Closed => return,
                other => panic!("{other:?}"),
            },
        }
    }
}
