//! Callees that read nothing from their sockets, called with large offers: what is for them can be delivered to nobody.

use super::harness::{Fixture, pace};
use serde_json::json;
use testkit::{Client, RawWebsocket, sdp};

/// How many callees there are.
const DEAF: usize = 4;
/// Calls a second.
const RATE: u32 = 10;
/// The size of an offer in bytes.
const OFFER: usize = 64 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callees_that_read_nothing_harm_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut mallory = Client::registered(&fixture.edge_url(0), "mallory").await;
        let mut sockets: Vec<RawWebsocket> = Vec::new();
        for number in 0..DEAF {
            sockets.push(deaf_client(&fixture.edge_url(1), &name(number)).await);
        }
        let offer = sdp::offer_of_size(OFFER);
        let mut pace = pace(RATE);
        for number in (0..DEAF).cycle() {
            pace.tick().await;
            let body = json!({"request": "call", "username": name(number)});
            let answer = mallory.request_plugin(body, Some(offer.clone())).await;
            if answer["result"]["event"] == "calling" {
                mallory.hangup().await;
                mallory.expect_core("hangup").await;
            } else {
                // The session has ended with more messages than a backlog may have.
                assert_eq!(answer["error_code"], 478, "{answer}");
                sockets[number] = deaf_client(&fixture.edge_url(1), &name(number)).await;
            }
            mallory.clear_inbox().await;
        }
    };
    fixture.withstand("callees that read nothing", attack).await;
}

fn name(number: usize) -> String {
    format!("deaf {number}")
}

/// A registered client whose socket is not read again.
async fn deaf_client(url: &str, name: &str) -> RawWebsocket {
    let client = Client::registered(url, name).await;
    let mut websocket = RawWebsocket::open(url).await.unwrap();
    let claim = json!({"janus": "claim", "transaction": "claim", "session_id": client.session()});
    assert!(websocket.send(claim.to_string()).await);
    websocket
}
