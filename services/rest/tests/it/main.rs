//! The service over a real socket.
#![allow(clippy::unwrap_used, missing_docs)]

mod backends;
mod bench;
mod pages;
