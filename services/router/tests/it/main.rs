//! Routers on a bus and a directory in memory; edges and connectors are these tests. Time is paused,
//! so what takes a minute takes no time.
#![allow(clippy::unwrap_used, missing_docs)]

mod bench;
mod edges_die;
mod ended;
mod invites;
mod peers;
mod placing;
mod roads;
mod routers_die;
mod sky;
mod stopping;
mod stories;
mod unserved;
