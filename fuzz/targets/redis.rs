//! Fuzzes what services read from Redis: stream entries, records of the directory, and the state that a connector stored.
//! Nothing may panic. A message that can be read is the same when it is sent again.
//!
//! An input is a list of lines. Pairs of them are the names and values of a stream entry; all are fields of records.

#![no_main]

use bus::codec;
use bus::message::Notice;
use common::BackendName;
use connector::calls::action::FinalNotices;
use connector::calls::{Calls, CallsConfig};
use connector::options::{CallPolicy, Credentials};
use connector::persist::recovery::ConnectorRecord;
use directory::record::{Call, OrphanedCall};
use directory::redis::fuzzing;
use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use tokio::time::Instant;

const KINDS: [&str; 21] = [
    "register",
    "call",
    "exists",
    "list",
    "release",
    "abandon",
    "restore",
    "place",
    "request",
    "trickle",
    "hangup",
    "end",
    "client_moved",
    "events",
    "surrender",
    "surrendered",
    "invite",
    "proxy_invite",
    "proxy_reply",
    "disconnect",
    "canary",
];
const ID: &str = "00000000-0000-0000-0000-000000000007";

fuzz_target!(|input: &[u8]| {
    let texts: Vec<&[u8]> = input.split(|byte| *byte == b'\n').take(64).collect();
    entry(&texts);
    fuzzing::read_records(&texts);
    for text in texts.iter().filter_map(|text| std::str::from_utf8(text).ok()) {
        KINDS.iter().for_each(|kind| payload(kind, text));
        let _ = serde_json::from_str::<Notice>(text);
        let _ = serde_json::from_str::<ConnectorRecord>(text);
    }
    stored_call(&texts);
});

/// The lines as they are.
fn entry(texts: &[&[u8]]) {
    let fields: codec::Fields =
        texts.chunks_exact(2).map(|pair| (pair[0].to_vec(), pair[1].to_vec())).collect();
    if let Ok(message) = codec::decode(&fields, Duration::from_secs(1)) {
        let _ = (message.is_expired(), message.call());
    }
}

/// A line as the payload of a message.
fn payload(kind: &str, text: &str) {
    let fields = |payload: &str| {
        let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        vec![field("id", ID), field("kind", kind), field("payload", payload)]
    };
    let Ok(message) = codec::decode(&fields(text), Duration::ZERO) else { return };
    let _ = message.span();
    let Ok(sent) = codec::encode(&message) else { return };
    let again = codec::decode(&sent, Duration::ZERO).expect("what was encoded can be decoded");
    let encoded = codec::encode(&again).expect("it is not larger");
    assert_eq!(sent, encoded);
}

/// A connector takes over a call with this record, state, and notices.
fn stored_call(texts: &[&[u8]]) {
    let text = |number: usize| texts.get(number).and_then(|text| std::str::from_utf8(text).ok());
    if let Some(text) = text(0) {
        let _ = serde_json::from_str::<FinalNotices>(text);
    }
    let Some(call) = text(0).and_then(|text| serde_json::from_str::<Call>(text).ok()) else { return };
    let owned = |number| text(number).filter(|text| !text.is_empty()).map(str::to_owned);
    let orphaned = OrphanedCall { call, state: owned(1), final_notices: owned(2) };
    let config = CallsConfig {
        backend: BackendName::from("a"),
        url: String::new(),
        policy: CallPolicy::default(),
        credentials: Credentials::default(),
    };
    let mut now = Instant::now();
    let mut calls = Calls::new(config, 9, now);
    calls.on_janus_up(1);
    let _ = calls.take_over(vec![orphaned], &[7], now);
    now += Duration::from_secs(60);
    let _ = calls.on_timer(now);
    let _ = calls.on_janus_down("The media server is gone", now);
    assert_eq!(calls.count(), 0);
}
