//! Floods of connections from one address: handshakes that do not end, and complete ones.

use super::harness::{Fixture, pace};
use std::collections::VecDeque;
use testkit::{RawWebsocket, connect_from, transport_from};
use tokio::io::AsyncWriteExt;

const ADDRESS: &str = "127.0.0.62";
/// Half-open handshakes a second.
const HALF_OPEN_RATE: u32 = 300;
/// Complete handshakes a second, each of which opens a websocket if the edge admits it.
const RATE: u32 = 150;
/// The connections of each kind that the attacker keeps.
const KEPT: usize = 3_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_one_address_harm_no_call() {
    let fixture = Fixture::start().await;
    let url = fixture.edge_url(0);
    let half_open = async {
        let (mut pace, mut kept) = (pace(HALF_OPEN_RATE), VecDeque::new());
        loop {
            pace.tick().await;
            if let Ok(mut stream) = connect_from(ADDRESS, &url).await {
                let _ = stream.write_all(b"GET / HTTP/1.1\r\n").await;
                kept.push_back(stream);
            }
            kept.truncate(KEPT);
        }
    };
    let complete = async {
        let (mut pace, mut kept) = (pace(RATE), VecDeque::new());
        loop {
            pace.tick().await;
            kept.extend(RawWebsocket::over(transport_from(ADDRESS, &url).await).await);
            kept.truncate(KEPT);
        }
    };
    let attack = async {
        let ((), ()) = tokio::join!(half_open, complete);
    };
    fixture.withstand("connections of one address", attack).await;
}
