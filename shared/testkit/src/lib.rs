//! What whole-system tests are written with: servers to start and clients to talk through.
//!
//! - Servers: [`Janus`] and [`Redis`] are the real ones as Debian packages them, [`Process`] is our own
//!   executable, [`Cluster`] is many of those, [`FakeJanus`] is a Janus without media in this process and
//!   [`MedialessJanus`] the same as a process, [`JanusCloud`] is a real proxy of janus-cloud, [`Sentinel`] what tells such proxies of a Janus.
//! - Clients: [`Client`] talks to anything that speaks the Janus API and reads like the story of a call;
//!   [`Wire`] is the bare websocket, for who must see each byte; [`http`] asks for `/readyz` and
//!   `/metrics`; [`sdp`] has offers and answers that Janus accepts.
//!
//! A server runs in a folder and on ports of its own, so tests run in parallel. It is killed when its
//! value is dropped, and also when the test program itself is killed. When a test panics, each server
//! that it held prints the end of its log.
//!
//! This crate panics where a library would return an error: a test has nothing better to do with one.
//! Nothing here sleeps to synchronise; what must be waited for is asked again until [`DEADLINE`].
#![allow(clippy::unwrap_used)]

mod child;
pub mod client;
pub mod cluster;
mod executable;
pub mod fake_janus;
mod gate;
pub mod http;
pub mod janus;
pub mod janus_admin;
pub mod janus_cloud;
pub mod medialess_janus;
pub mod message;
pub mod port;
pub mod process;
mod python;
pub mod raw_websocket;
pub mod redis;
mod rng;
pub mod sdp;
pub mod sentinel;
mod spawner;
mod wait;
mod websocket;

pub use child::Child;
pub use client::Client;
pub use cluster::Cluster;
pub use fake_janus::FakeJanus;
pub use gate::Gate;
pub use janus::Janus;
pub use janus_admin::JanusAdmin;
pub use janus_cloud::JanusCloud;
pub use medialess_janus::MedialessJanus;
pub use process::{Process, Service};
pub use raw_websocket::RawWebsocket;
pub use redis::Redis;
pub use rng::Rng;
pub use sentinel::Sentinel;
pub use wait::{DEADLINE, becomes_true, eventually};
