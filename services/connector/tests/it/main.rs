//! Connectors in front of fake Janus servers, on the memory bus. The test plays the routers and the
//! edges.
#![allow(clippy::unwrap_used)]

mod bench;
mod calls;
mod faults;
mod frozen;
mod heard;
mod leases;
mod lost;
mod outbox;
mod peers;
mod probe;
mod real;
mod takeover;
