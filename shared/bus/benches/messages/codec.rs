//! Encoding and decoding of messages.

use crate::sample;
use bus::codec::{decode, encode};
use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::time::Duration;

pub fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("entry");
    let messages =
        [("call", sample::call()), ("incomingcall", sample::incoming_call()), ("trickle", sample::trickle())];
    for (name, message) in messages {
        let fields = encode(&message).unwrap();
        let bytes: usize = fields.iter().map(|(field, value)| field.len() + value.len()).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("encode/{name}"), |bencher| {
            bencher.iter(|| encode(black_box(&message)).unwrap());
        });
        group.bench_function(format!("decode/{name}"), |bencher| {
            bencher.iter(|| decode(black_box(&fields), Duration::ZERO).unwrap());
        });
    }
}
