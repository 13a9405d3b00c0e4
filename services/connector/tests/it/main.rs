//! Connectors in front of fake Janus servers, on the memory bus. The test plays the routers and the
//! edges.
#![allow(clippy::unwrap_used)]

mod calls;
mod closing;
mod directory_loss;
mod edge_log;
mod faults;
mod frozen;
mod harness;
mod leases;
mod outbox;
mod probe;
mod proxy_calls;
mod proxy_cluster;
mod real_janus;
mod takeover;
mod undeliverable;
