//! The largest offers that an edge takes: Janus makes an even larger description from them, which bus and edges carry.
//! And offers of so many lines that Janus would think about one for 0.4 s.

use super::harness::{Fixture, pace};
use serde_json::{Value, json};
use testkit::{Client, sdp};

/// The default of `--max-frame`, less what surrounds the session description.
const MAX_SDP: usize = 512 * 1024 - 512;
const MEDIA_LINES: usize = 64;
/// Attributes of each media line, which are together as many as an edge takes.
const ATTRIBUTES: usize = 58;
/// What Janus 1.1.2 makes of such an offer has at least this many bytes (measured: 533,760).
const LARGE: usize = 530_000;
const MANY_LINES: usize = 20_000;
/// Calls a second.
const RATE: u32 = 2;

/// Offer, answer and the offer of a renegotiation.
#[tokio::test]
async fn largest_descriptions_reach_the_peer() {
    let fixture = Fixture::start().await;
    let mut mallory = Client::registered(&fixture.edge_url(0), "mallory").await;
    let mut victim = Client::registered(&fixture.edge_url(1), "victim").await;
    let (offer, mut answer) = (offer_of(MAX_SDP), offer_of(MAX_SDP));
    answer["type"] = json!("answer");
    let body = json!({"request": "call", "username": "victim"});
    let calling = mallory.request_plugin(body, Some(offer.clone())).await;
    assert_eq!(calling["result"]["event"], "calling", "{calling}");
    let (_, incoming) = victim.expect_event("incomingcall").await;
    let accepted = victim.request_plugin(json!({"request": "accept"}), Some(answer)).await;
    assert_eq!(accepted["result"]["event"], "accepted", "{accepted}");
    let (_, answered) = mallory.expect_event("accepted").await;
    let set = mallory.request_plugin(json!({"request": "set"}), Some(offer)).await;
    assert_eq!(set["result"]["event"], "set", "{set}");
    let (_, update) = victim.expect_event("update").await;
    for made in [incoming, answered, update] {
        let size = made.to_string().len();
        assert!(size > LARGE, "Janus made {size} bytes of it");
    }
    mallory.hangup().await;
    tokio::join!(mallory.expect_core("hangup"), victim.expect_core("hangup"));
}

/// Janus thinks for 0.05 s about one of the largest size, and all other calls wait (measured). So these are smaller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_offers_harm_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut mallory = Client::registered(&fixture.edge_url(0), "mallory").await;
        let mut victim = Client::registered(&fixture.edge_url(1), "victim").await;
        let offer = offer_of(MAX_SDP / 8);
        let mut pace = pace(RATE);
        loop {
            pace.tick().await;
            let body = json!({"request": "call", "username": "victim"});
            let answer = mallory.request_plugin(body, Some(offer.clone())).await;
            assert_eq!(answer["result"]["event"], "calling", "{answer}");
            victim.expect_event("incomingcall").await;
            mallory.hangup().await;
            tokio::join!(mallory.expect_core("hangup"), victim.expect_core("hangup"));
        }
    };
    fixture.withstand("large offers", attack).await;
}

/// An offer of this size, with as many lines as an edge takes.
fn offer_of(bytes: usize) -> Value {
    let mut sdp =
        "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=ice-ufrag:ring\na=ice-pwd:testkit0testkit0testkit0\n\
        a=setup:actpass\na=fingerprint:sha-256 "
            .to_owned();
    sdp.push_str(&["00"; 32].join(":"));
    sdp.push('\n');
    let media = |number: usize| {
        format!("m=audio 9 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 0.0.0.0\na=mid:{number}\na=sendrecv\n")
    };
    // A line break takes two bytes in JSON.
    let room = bytes - sdp.len() - 16 - MEDIA_LINES * (media(10).len() + 4);
    let text = "y".repeat(room / MEDIA_LINES / ATTRIBUTES - "a=x:__".len());
    let attributes = format!("a=x:{text}\n").repeat(ATTRIBUTES);
    for number in 0..MEDIA_LINES {
        sdp.push_str(&media(number));
        sdp.push_str(&attributes);
    }
    json!({"type": "offer", "sdp": sdp})
}

/// Short lines cost Janus the most.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_of_many_lines_harm_no_call() {
    let fixture = Fixture::start().await;
    let attack = async {
        let mut mallory = Client::registered(&fixture.edge_url(0), "mallory").await;
        let _victim = Client::registered(&fixture.edge_url(1), "victim").await;
        let mut offer = sdp::offer();
        offer["sdp"] = json!(format!("{}{}", offer["sdp"].as_str().unwrap(), "a=x\r\n".repeat(MANY_LINES)));
        let mut pace = pace(RATE);
        loop {
            pace.tick().await;
            let body = json!({"request": "call", "username": "victim"});
            let call = mallory.on_handle(json!({"janus": "message", "body": body, "jsep": offer}));
            let answer = mallory.request(call).await;
            assert_eq!(answer["error"]["code"], 465, "{answer}");
        }
    };
    fixture.withstand("offers of many lines", attack).await;
}
