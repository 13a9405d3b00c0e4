//! Messages that never end, before any secret is shown: a text without its last frame, and pongs from then on.

use super::harness::{Fixture, pace};
use futures_util::future::join_all;
use testkit::RawWebsocket;

/// New websockets a second; each sends up to 4 MiB of its message.
const RATE: u32 = 10;
/// The attacker has at most this many at a time.
const MAX_OPEN: usize = 40;
const FIRST_FRAGMENT: u8 = 0x01;
const FRAGMENT: u8 = 0x00;
const PONG: u8 = 0x8a;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_never_end_harm_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut open = Vec::new();
        let mut pace = pace(RATE);
        loop {
            pace.tick().await;
            if open.len() < MAX_OPEN {
                let mut websocket = RawWebsocket::open(&fixture.edge_url(0)).await.unwrap();
                let mut first = FIRST_FRAGMENT;
                for _ in 0..8 {
                    if !websocket.send_frame(first, vec![b'x'; 500_000]).await {
                        break;
                    }
                    first = FRAGMENT;
                }
                open.push(websocket);
            }
            let pongs =
                join_all(open.iter_mut().map(|websocket| websocket.send_frame(PONG, Vec::new()))).await;
            let mut pongs = pongs.into_iter();
            open.retain(|_| pongs.next() == Some(true));
        }
    };
    fixture.withstand("messages that never end", attack).await;
}

/// The largest messages that are answered, with a session.
const LARGE_SOCKETS: usize = 100;
/// Messages a second.
const LARGE_RATE: u32 = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_of_large_messages_is_given_back() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut clients = Vec::new();
        let mut pace = pace(LARGE_RATE);
        for number in 0.. {
            pace.tick().await;
            if clients.len() < LARGE_SOCKETS {
                clients.push(testkit::Client::attached(&fixture.edge_url(0)).await);
            }
            let count = clients.len();
            let client = &mut clients[number % count];
            client
                .send_text(format!(
                    r#"{{"janus":"ping","transaction":"large","x":"{}"}}"#,
                    "x".repeat(500_000)
                ))
                .await;
            client.expect("the pong", |message| message["transaction"] == "large").await;
        }
    };
    fixture.withstand("large messages", attack).await;
}
