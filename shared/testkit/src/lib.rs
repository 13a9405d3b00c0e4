//! Servers and clients for tests of whole systems.
//!
//! - Servers: [`Janus`] and [`Redis`] are the real ones, from Debian. [`Process`] is a service of this project,
//!   [`Cluster`] a group of them. [`FakeJanus`] is a Janus without media in this process, [`MedialessJanus`] the
//!   same as a process. [`JanusCloud`] is a real proxy of janus-cloud, [`Sentinel`] announces a Janus to proxies.
//!   [`ReverseProxy`] is a real nginx or HAProxy, [`Certificate`] is for TLS.
//! - Clients: [`Client`] is a client of the Janus API, with one method for each step of a call;
//!   [`RawWebsocket`] is a websocket of unparsed texts, for tests of the bytes on the wire; [`http`] reads
//!   `/readyz` and `/metrics`; [`sdp`] has offers and answers that Janus accepts.
//!
//! Each server has its own folder and ports, so tests run in parallel. Dropping it kills it, as does the end of the
//! test program. When a test panics, each of its servers prints the end of its log.
//!
//! This crate panics instead of returning errors, as tests do. Nothing sleeps to synchronise; conditions are polled
//! until [`DEADLINE`].
#![allow(clippy::unwrap_used)]

mod child;
pub mod client;
pub mod cluster;
pub mod fake_clock;
pub mod fake_janus;
mod gate;
pub mod http;
pub mod janus;
pub mod janus_admin;
pub mod janus_cloud;
pub mod medialess_janus;
pub mod message;
pub mod output;
pub mod port;
pub mod process;
mod python;
pub mod raw_websocket;
pub mod redis;
pub mod replicated_redis;
pub mod reverse_proxy;
mod rng;
pub mod sdp;
pub mod secured_sentinel;
pub mod sentinel;
mod source_address;
mod spawner;
pub mod tls;
mod wait;
mod websocket;

pub use child::Child;
pub use client::Client;
pub use cluster::Cluster;
pub use fake_clock::FakeClock;
pub use fake_janus::FakeJanus;
pub use gate::Gate;
pub use janus::Janus;
pub use janus_admin::JanusAdmin;
pub use janus_cloud::JanusCloud;
pub use medialess_janus::MedialessJanus;
pub use output::Output;
pub use process::{Process, Service};
pub use raw_websocket::RawWebsocket;
pub use redis::Redis;
pub use replicated_redis::ReplicatedRedis;
pub use reverse_proxy::ReverseProxy;
pub use rng::Rng;
pub use sentinel::Sentinel;
pub use source_address::{connect_from, transport_from};
pub use tls::Certificate;
pub use wait::{DEADLINE, becomes_true, eventually};
