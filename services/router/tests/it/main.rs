//! Routers on a bus and a directory in memory. The tests act as edges, connectors and rest services. Time is
//! paused.
#![allow(clippy::unwrap_used, missing_docs)]

mod canaries;
mod edges_die;
mod ended;
mod faults;
mod harness;
mod invites;
mod placing;
mod proxy_names;
mod restore;
mod routers_die;
mod scenarios;
mod shutdown;
mod unserved;
