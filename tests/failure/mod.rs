//! What survives what: each promise of the table in docs/failure.md, on real processes, a real Janus and a
//! real Redis. What is printed as `failure: EVENT: WHAT: N ms` are the numbers there; `make failure` shows
//! them.
//!
//! | file | what is broken |
//! |---|---|
//! | `client_socket.rs` | the connection of a client |
//! | `edge_killed.rs`, `router_killed.rs`, `connector_killed.rs` | a process, at once and for good |
//! | `connector_frozen.rs` | a connector that wakes when another has its calls |
//! | `janus_killed.rs`, `janus_frozen.rs` | a Janus, wholly or its plugin |
//! | `redis_restart.rs`, `redis_away.rs`, `redis_slow.rs` | Redis, with and without its data, or its speed |
//! | `slow_client.rs` | the manners of a client: it does not read, or says far too much |
//! | `sigterm.rs`, `drain.rs` | nothing: somebody wants to maintain it |
//! | `media.rs` | the same with browsers that see and hear each other |
//! | `chaos/` | all of that at random, while everybody calls |
//!
//! `house.rs` is the cluster they break and what people in it do, `gap.rs` what must be heard of an
//! absence, `measure.rs` the clock.

mod chaos;
mod client_socket;
mod connector_frozen;
mod connector_killed;
mod drain;
mod edge_killed;
mod gap;
mod house;
mod janus_frozen;
mod janus_killed;
mod measure;
mod media;
mod redis_away;
mod redis_restart;
mod redis_slow;
mod router_killed;
mod sigterm;
mod slow_client;
