//! Tests of the testkit: the same scenarios against the real Janus and the fake one, and start, failure and end of
//! each server.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod scenarios;

mod fake_janus;
mod http;
mod janus_cloud;
mod medialess_janus;
mod real_janus;
mod redis;
mod sentinel;
