//! Offers of very many media lines. What Janus makes of one was too large for the bus: the callee rang for no call, and
//! was busy for two minutes.

use super::harness::{Fixture, pace};
use serde_json::json;
use testkit::{Client, sdp};

/// Calls a second.
const RATE: u32 = 5;
const LINES: usize = 5_800;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_of_many_media_lines_harm_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut mallory = Client::registered(&fixture.edge_url(0), "mallory").await;
        let mut victim = Client::registered(&fixture.edge_url(1), "victim").await;
        let mut alice = Client::registered(&fixture.edge_url(0), "alice").await;
        let mut offer = sdp::offer();
        let lines = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n".repeat(LINES);
        offer["sdp"] = json!(format!("{}{lines}", offer["sdp"].as_str().unwrap()));
        let mut pace = pace(RATE);
        loop {
            pace.tick().await;
            let body = json!({"request": "call", "username": "victim"});
            let call = mallory.on_handle(json!({"janus": "message", "body": body, "jsep": offer}));
            let answer = mallory.request(call).await;
            assert_eq!(answer["error"]["code"], 465, "{answer}");
            alice.call("victim").await;
            victim.expect_event("incomingcall").await;
            alice.hangup().await;
            tokio::join!(alice.expect_core("hangup"), victim.expect_core("hangup"));
        }
    };
    fixture.withstand("offers of many media lines", attack).await;
}
