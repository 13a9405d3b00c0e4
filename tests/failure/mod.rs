//! Each guarantee of the table in docs/failure.md, on real processes, a real Janus and a real Redis. Lines
//! printed as `failure: EVENT: WHAT: N ms` are the figures there. `make failure` shows them.
//!
//! | file | what fails |
//! |---|---|
//! | `client_socket.rs` | the connection of a client |
//! | `edge_killed.rs`, `router_killed.rs`, `connector_killed.rs` | a process, at once and for good |
//! | `connector_frozen.rs` | a connector that resumes after another one has taken its calls |
//! | `janus_killed.rs`, `janus_frozen.rs` | a Janus, wholly or its plugin |
//! | `janus_refuses_calls.rs` | calls on a Janus that answers |
//! | `redis_restart.rs`, `redis_away.rs`, `redis_slow.rs`, `redis_refuses.rs`, `redis_refuses_writes.rs` | Redis, with and without its data, its speed, every connection to it, or its writes |
//! | `log_lost.rs` | the log: a full disk, a dead or hanging log shipper |
//! | `open_files.rs` | nothing: an edge with few open files has many clients |
//! | `slow_client.rs` | a client that does not read, or sends far too much |
//! | `wrong_clock.rs` | the clock of a machine |
//! | `sigterm.rs`, `drain.rs` | nothing: maintenance by an operator |
//! | `media.rs` | the same with browsers that exchange media |
//! | `chaos/` | all of these at random, during calls |
//!
//! `cluster.rs` is the cluster with its clients, `missed_events.rs` the events during an absence,
//! `measure.rs` the clock.

mod chaos;
mod client_socket;
mod cluster;
mod connector_frozen;
mod connector_killed;
mod drain;
mod edge_killed;
mod janus_frozen;
mod janus_killed;
mod janus_refuses_calls;
mod log_lost;
mod measure;
mod media;
mod missed_events;
mod open_files;
mod redis_away;
mod redis_failover;
mod redis_refuses;
mod redis_refuses_writes;
mod redis_restart;
mod redis_slow;
mod router_killed;
mod sigterm;
mod slow_client;
mod wrong_clock;
