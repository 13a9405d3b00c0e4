//! Tests of the whole system: real processes, a real Janus, a real Redis, a real browser; and of its
//! decisions without any of them.
//!
//! | folder | asks |
//! |---|---|
//! | `flow/` | do calls go the way they should, on one process and on a cluster |
//! | `contract/` | does bad input get Janus' answers and do no harm |
//! | `failure/` | does what was promised survive when something breaks |
//! | `browser/` | do two browsers see and hear each other |
//! | `interop/` | do users of janus-cloud and ours call each other, and move |
//! | `sim/` | do edges and connectors stay right whatever arrives next |
//! | `compose/` | does the cluster of docker-compose.yml keep calls up while it is scaled and restarted |
//! | `house.rs` | is the code laid out as ARCHITECTURE.md says |
#![allow(clippy::unwrap_used)]

mod browser;
#[cfg(feature = "compose")]
mod compose;
mod contract;
mod failure;
mod fixture;
mod flow;
mod house;
mod interop;
mod sim;
