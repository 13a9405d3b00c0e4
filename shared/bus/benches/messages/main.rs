//! The cost of a message: encoding and decoding ([`codec`]), and sending and receiving ([`streams`]).

#![allow(clippy::unwrap_used)]

mod codec;
mod sample;
mod streams;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    codec::measure(&mut criterion);
    streams::measure(&mut criterion);
    criterion.final_summary();
}
