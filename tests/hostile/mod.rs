//! Attacks within the rules of the protocol, beside pairs of clients that call each other. Each file is one attack.
//!
//! The measure is the same for all (`harness.rs`): at least 99 % of the other clients' calls succeed, the time until
//! 99 % of their calls ring at most doubles, and each process and Redis grow by at most a stated number of bytes.
//!
//! Each attacker's rate is stated, and is small for one core, so that the cluster is measured and not the machine.

mod batches;
mod calls;
mod connections;
mod endless_messages;
mod harness;
mod hoarding;
mod idle_sockets;
mod json_values;
mod large_events;
mod lists;
mod media_lines;
mod operators_api;
mod pings;
mod reconnects;
mod texts;
mod undeliverable;
mod wrong_secrets;
