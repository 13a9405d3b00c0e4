//! The way of calls, from the first ring to the last event.

mod call;
mod cluster;
mod ending;
mod guarded;
mod names;
mod numbers;
mod operators;
mod promises;
mod refusal;
mod roads;
