//! The service over a real socket.
#![allow(clippy::unwrap_used, missing_docs)]

mod backends;
mod bind_address;
mod browsers;
mod canaries;
mod harness;
mod incoming_calls;
mod operators;
mod outgoing_calls;
mod pages;
mod proxy_stub;
mod sentinel;
