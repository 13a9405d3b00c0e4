//! Runs of the load generator against the fake Janus and a real one. Performance is not tested.
#![allow(clippy::unwrap_used)]

mod calls;
mod idle_clients;
mod real_janus;
mod runs;
