//! A cluster of both systems. A real proxy of janus-cloud 1.0.0 and Switchboard share a Redis and a Janus.
//! Users of either call users of the other. The behaviour of janus-cloud was measured.
//! docs/janus-cloud.md describes what an operator must know about it.
//!
//! | file | tests |
//! |---|---|
//! | `calls.rs` | calls and their ends, in both directions |
//! | `hangup_time.rs` | how soon a hangup there is reported here |
//! | `refused.rs` | busy, unknown and offline users |
//! | `announced_calls.rs` | a call that is announced and does not come |
//! | `name_moves.rs` | a name that moves between the systems, idle and in a call |
//! | `proxy_down.rs` | a proxy of janus-cloud dies or freezes |
//! | `rest_down.rs` | our rest service dies |
//! | `backends.rs` | which Janus servers are used, and whose records stay unchanged |
//! | `sentinel.rs` | a Janus that a real sentinel of janus-cloud announces to us |
//! | `load.rs` | a hundred calls, and what is left of them |
//! | `media.rs` | media between two browsers |
//!
//! `mixed_cluster.rs` is the cluster and its clients. *Here* means Switchboard, *there* means janus-cloud.

mod announced_calls;
mod backends;
mod calls;
mod hangup_time;
mod load;
mod media;
mod mixed_cluster;
mod name_moves;
mod proxy_down;
mod refused;
mod rest_down;
mod sentinel;
