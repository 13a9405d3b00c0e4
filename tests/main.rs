//! Tests of the whole system: real processes, a real Janus, a real Redis, a real browser; and a simulation
//! without any of them.
//!
//! | folder | tests |
//! |---|---|
//! | `flow/` | calls, on one process and on a cluster |
//! | `contract/` | replies as Janus gives them, and harmless malformed input |
//! | `failure/` | the guarantees when something fails |
//! | `hostile/` | attacks, which harm no other client |
//! | `browser/` | calls between browsers, the demo page and the dashboard |
//! | `interop/` | calls and names across Switchboard and janus-cloud |
//! | `reverse_proxy/` | a real nginx and a real HAProxy in front of an edge |
//! | `sim/` | the services under random faults and orders of events, in simulated time |
//! | `compose/` | the cluster of docker-compose.yml during scaling and restarts |
//! | `layout.rs` | the rules for the layout of the code and for its names |
#![allow(clippy::unwrap_used)]

mod browser;
#[cfg(feature = "compose")]
mod compose;
mod contract;
mod failure;
mod fixture;
mod flow;
mod hostile;
mod interop;
mod layout;
mod reverse_proxy;
mod sim;
