//! One suite that both stores pass: what the directory promises, whoever keeps it.
//!
//! Each case is a function of a directory. `on_both_stores!` makes two tests of it: on memory with
//! paused time, and on a `redis-server` of its own, empty and gone afterwards. What only Redis can
//! show (its keys, how it fails) is in [`schema`], [`peers`], [`strangers`], [`half_way`], [`leftovers`], [`round_trips`] and
//! [`outage`].

#![allow(clippy::unwrap_used, missing_docs)]

#[macro_use]
mod support;

mod backends;
mod calls;
mod claiming;
mod claims;
mod edges;
mod found;
mod half_way;
mod leases;
mod leftovers;
mod letters;
mod listing;
mod moves;
mod notes;
mod outage;
mod pages;
mod peers;
mod proxies;
mod races;
mod restoring;
mod round_trips;
mod saving;
mod schema;
mod services;
mod sessions;
mod strangers;
mod succession;
mod taking;
