//! The course of calls, from the first ring to the last event.

mod blocked_stream;
mod call;
mod cluster;
mod ending;
mod extensions;
mod malformed_records;
mod metrics;
mod names;
mod operators;
mod redis_auth;
mod refusal;
