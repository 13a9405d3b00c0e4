//! Messages of many requests, each on a new connection: the rate of an address outlives its connections.

use super::harness::{Fixture, pace};
use testkit::{RawWebsocket, transport_from};
use tokio::task::JoinSet;

const ADDRESS: &str = "127.0.0.63";
const SOCKETS: usize = 4;
/// Connections a second of each socket.
const RATE: u32 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnecting_after_each_message_harms_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut sockets = JoinSet::new();
        for number in 0..SOCKETS {
            sockets.spawn(reconnect_often(fixture.edge_url(number % 2), number));
        }
        while let Some(ended) = sockets.join_next().await {
            ended.unwrap();
        }
    };
    fixture.withstand("reconnects after each message", attack).await;
}

/// Half of the sockets send as many requests as a message may hold, the others far more.
async fn reconnect_often(url: String, number: usize) {
    let message = "{}".repeat(if number.is_multiple_of(2) { 64 } else { 60_000 });
    let mut pace = pace(RATE);
    loop {
        pace.tick().await;
        // It is refused while the address opens connections too fast.
        if let Ok(mut websocket) = RawWebsocket::over(transport_from(ADDRESS, &url).await).await {
            websocket.send(message.clone()).await;
        }
    }
}
