//! One suite that both stores pass.
//!
//! Each case is a function of a directory. `on_both_stores!` makes two tests of it: on memory with paused
//! time, and on an empty `redis-server` of its own. What is specific to Redis (keys, failures) is in
//! [`schema`], [`proxy_overwrites`], [`foreign_backends`], [`malformed_records`], [`partial_writes`], [`no_leaks`], [`round_trips`]
//! and [`outage`].

#![allow(clippy::unwrap_used, missing_docs)]

#[macro_use]
mod support;

mod acquire_handle;
mod backends;
mod calls;
mod connector_records;
mod discovery;
mod edges;
mod fencing;
mod final_notices;
mod foreign_backends;
mod leases;
mod listing;
mod malformed_records;
mod name_claims;
mod name_index;
mod name_moves;
mod no_leaks;
mod outage;
mod pages;
mod partial_writes;
mod persist;
mod proxies;
mod proxy_overwrites;
mod races;
mod restore;
mod round_trips;
mod schema;
mod services;
mod session_takeover;
mod sessions;
