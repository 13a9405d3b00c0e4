//! One cluster of two makes: a real proxy of janus-cloud 1.0.0 and Switchboard share a Redis and a Janus,
//! and users of either call users of the other. What janus-cloud does was measured; docs/janus-cloud.md says
//! what of it an operator must know.
//!
//! | file | asks |
//! |---|---|
//! | `calls.rs` | do calls come about and end, whoever calls and whoever ends them |
//! | `refused.rs` | busy, unknown and offline users |
//! | `invited.rs` | a call that is announced and does not come |
//! | `moves.rs` | a name that goes from one to the other, idle and in a call |
//! | `peer_gone.rs` | their proxy dies or freezes |
//! | `rest_gone.rs` | our rest dies |
//! | `backends.rs` | whose Janus servers are used, and whose records are left alone |
//! | `sentinel.rs` | a Janus of which a real sentinel of theirs tells us |
//! | `hundred.rs` | a hundred calls, and what is left of them |
//! | `media.rs` | two browsers see and hear each other |
//!
//! `house.rs` is the cluster, and what people in it do. Two words stand for the two makes: *here* is ours,
//! *there* is theirs.

mod backends;
mod calls;
mod house;
mod hundred;
mod invited;
mod media;
mod moves;
mod peer_gone;
mod refused;
mod rest_gone;
mod sentinel;
