//! The testkit tried on what it drives: stories played against the real Janus and against the fake one,
//! and the servers' starts, failures and ends.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod stories;

mod fake_janus;
mod http;
mod janus_cloud;
mod medialess_janus;
mod real_janus;
mod redis;
mod sentinel;
