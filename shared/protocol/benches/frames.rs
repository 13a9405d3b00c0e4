//! From a client's frame to a checked request, as in an edge: split the message, check the envelope, check the
//! request.

#![allow(clippy::unwrap_used)]

use criterion::{Criterion, Throughput};
use protocol::{frame, request};
use serde_json::{Value, json};
use std::hint::black_box;
use testkit::sdp;

/// The default limit of an edge.
const MAX_FRAME: usize = 512 * 1024;
/// The size of a typical browser offer for audio and video.
const SDP_BYTES: usize = 3_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("frame");
    for (name, frame) in [("call", call()), ("trickle", trickle()), ("keepalive", keepalive())] {
        let text = frame.to_string();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| read(black_box(&text))));
    }
    group.finish();
    criterion.final_summary();
}

fn read(text: &str) {
    for object in frame::objects(text, MAX_FRAME).unwrap() {
        let request = request::read(object).unwrap();
        black_box(request.verb().unwrap());
    }
}

fn call() -> Value {
    let body = json!({"request": "call", "username": "bob"});
    on_handle(json!({"janus": "message", "body": body, "jsep": sdp::offer_of_size(SDP_BYTES)}))
}

fn trickle() -> Value {
    on_handle(json!({"janus": "trickle", "candidate": sdp::candidate(1)}))
}

fn keepalive() -> Value {
    json!({"janus": "keepalive", "transaction": "Zq8YkWb3xP0s", "session_id": 4_503_599_627_370_497_u64})
}

fn on_handle(mut request: Value) -> Value {
    request["transaction"] = json!("Zq8YkWb3xP0s");
    request["session_id"] = json!(4_503_599_627_370_497_u64);
    request["handle_id"] = json!(2_251_799_813_685_249_u64);
    request
}
