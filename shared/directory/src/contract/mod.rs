//! What a [`Directory`](crate::Directory) can be asked, part by part: each operation with what it
//! promises, handed on to the store.

mod backends;
mod calls;
mod found;
mod names;
mod pages;
mod peers;
mod services;
mod sessions;
