//! Messages that hold very many requests.

use super::harness::{Fixture, pace};
use testkit::raw_websocket::Received;
use testkit::{DEADLINE, RawWebsocket};
use tokio::time::Instant;

/// Messages a second, of 256 KiB each.
const RATE: u32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_many_requests_harm_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut websocket = RawWebsocket::open(&fixture.edge_url(0)).await.unwrap();
        let mut pace = pace(RATE);
        loop {
            tokio::select! {
                _ = pace.tick() => {
                    assert!(websocket.send("{}".repeat(131_072)).await, "the attacker is disconnected");
                }
                received = websocket.next_until(Instant::now() + DEADLINE) => {
                    assert!(matches!(&received, Received::Text(text) if text.contains("at most 64")), "{received:?}");
                }
            }
        }
    };
    fixture.withstand("many requests in a message", attack).await;
}
