//! The cluster of `docker-compose.yml`, as an operator has it: calls through the load balancer while every
//! service is scaled and restarted. `tests/compose/run` (`make compose`) brings the cluster up before and
//! takes it down after; these tests are compiled with the feature `compose` alone, since without a
//! cluster there is nothing they could say.
//!
//! | file | holds |
//! |---|---|
//! | `doors.rs` | tests: what is published, and who may |
//! | `scaling.rs` | tests: scaled up and down while calls are up |
//! | `restarts.rs` | tests: each container restarts while a call is up |
//! | `public.rs` | tests: media on published ports |
//! | `cluster.rs` | the cluster, and what it says of itself |
//! | `calls.rs` | a call between two browsers, calls between clients |
//! | `run`, `engine`, `stand-ins/` | (shell) engine, base images, the cluster itself |
//!
//! The tests share one cluster and take turns ([`cluster::Cluster::one_of_each`]).

mod calls;
mod cluster;
mod doors;
mod public;
mod restarts;
mod scaling;
