//! What a message costs: [`entries`] made and read, [`roads`] there and back. [`sample`] has the messages.

#![allow(clippy::unwrap_used)]

mod entries;
mod roads;
mod sample;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    entries::measure(&mut criterion);
    roads::measure(&mut criterion);
    criterion.final_summary();
}
