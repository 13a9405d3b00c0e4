//! Whole runs of the load generator, at the fake Janus and at a real one. How fast anything is, is not tested.
#![allow(clippy::unwrap_used)]

mod calls;
mod crowd;
mod real;
mod runs;
