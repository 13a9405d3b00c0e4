//! The testkit tried on what it drives: stories played against the real Janus and against the fake one,
//! and the servers' starts and ends.

mod real_janus;
mod redis;
mod stories;
