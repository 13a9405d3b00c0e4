//! The service over a real socket.
#![allow(clippy::unwrap_used, missing_docs)]

mod asking;
mod backends;
mod bench;
mod canaries;
mod guard;
mod invite;
mod operators;
mod pages;
mod peer;
mod sentinel;
