//! The cluster of `docker-compose.yml`, as an operator uses it: calls through the load balancer while every
//! service is scaled and restarted. `tests/compose/run` (`make compose`) starts the cluster and removes it
//! afterwards. These tests are compiled only with the feature `compose`, since they need that cluster.
//!
//! | file | holds |
//! |---|---|
//! | `endpoints.rs` | tests: published endpoints and access |
//! | `scaling.rs` | tests: scaling up and down during calls |
//! | `restarts.rs` | tests: each container restarts during a call |
//! | `public.rs` | tests: media on published ports |
//! | `cluster.rs` | the cluster and its API |
//! | `calls.rs` | a call between two browsers, calls between clients |
//! | `run`, `engine`, `stand-ins/` | (shell) engine, base images, the cluster itself |
//!
//! The tests share one cluster and run one at a time ([`cluster::Cluster::one_of_each`]).

mod calls;
mod cluster;
mod endpoints;
mod public;
mod restarts;
mod scaling;
