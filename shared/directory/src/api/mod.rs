//! The operations of a [`Directory`](crate::Directory), each with its guarantees.

mod backends;
mod calls;
mod discovery;
mod leases;
mod listing;
mod names;
mod proxies;
mod services;
mod sessions;
