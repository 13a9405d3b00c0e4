//! `switchboard top` in a terminal, beside a real cluster.
#![allow(clippy::unwrap_used, missing_docs)]

mod failures;
mod once;
mod screen;
mod terminal;
