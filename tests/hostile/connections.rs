//! Floods of connections from one address: handshakes that do not end, and complete ones.

use super::harness::{Fixture, pace};
use std::collections::VecDeque;
use std::time::Duration;
use testkit::{RawWebsocket, Service, connect_from, transport_from};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

const ADDRESS: &str = "127.0.0.62";
/// The edge has fewer connections than the attacker asks for, and more than one address gets.
const LIMITS: [&str; 2] = ["--max-connections=400", "--max-connections-per-address=300"];
/// Other clients connect meanwhile, so many a second.
const OTHERS_ADDRESS: &str = "127.0.0.72";
const OTHERS_RATE: u32 = 5;
/// Half-open handshakes a second.
const HALF_OPEN_RATE: u32 = 200;
/// Complete handshakes a second, each of which opens a websocket if the edge admits it.
const RATE: u32 = 50;
/// The connections of each kind that the attacker keeps.
const KEPT: usize = 3_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_one_address_harm_no_call() {
    let fixture =
        Fixture::with(|plan| LIMITS.iter().fold(plan, |plan, limit| plan.with(Service::Edge, limit))).await;
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
    let others = async {
        let mut pace = pace(OTHERS_RATE);
        loop {
            pace.tick().await;
            let opening = RawWebsocket::over(transport_from(OTHERS_ADDRESS, &url).await);
            timeout(Duration::from_secs(2), opening).await.expect("others connect").unwrap();
        }
    };
    let attack = async {
        let ((), (), ()) = tokio::join!(half_open, complete, others);
    };
    fixture.withstand("connections of one address", attack).await;
}
