//! Websockets without a session that only send pings, until the edge has no place for another client.

use super::harness::{Fixture, pace};
use testkit::{Client, RawWebsocket, Service};
use tokio::time::{Duration, timeout};

/// New websockets a second. Each sends a ping as often.
const RATE: u32 = 20;
/// The places of an edge, and the time after which an idle websocket is closed.
const PLACES: [&str; 2] = ["--max-connections=64", "--idle-timeout=2"];
const PING: u8 = 0x89;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_websockets_leave_places_for_others() {
    let fixture =
        Fixture::with(|plan| PLACES.iter().fold(plan, |plan, option| plan.with(Service::Edge, option))).await;
    let url = fixture.edge_url(0);
    let attack = async {
        let mut open: Vec<RawWebsocket> = Vec::new();
        let mut pace = pace(RATE);
        for number in 1.. {
            pace.tick().await;
            let connecting = RawWebsocket::open(&url);
            if let Ok(Ok(websocket)) = timeout(Duration::from_millis(20), connecting).await {
                open.push(websocket);
            }
            let mut kept = Vec::new();
            for mut websocket in open {
                if websocket.send_frame(PING, Vec::new()).await {
                    kept.push(websocket);
                }
            }
            open = kept;
            if number % RATE == 0 {
                let attached = timeout(Duration::from_secs(1), Client::attached(&url)).await;
                let mut client = attached.expect("a place for a client");
                client.destroy().await;
            }
        }
    };
    fixture.withstand("idle websockets", attack).await;
}
