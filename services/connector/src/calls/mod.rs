//! All calls on one Janus server, as a state machine without sockets or clock: input and time go in,
//! [`Action`](action::Action)s come out.
//!
//! A call is set up in `setup`, exchanges messages in `relay`, and ends in `end`. After a change of
//! connector, `takeover` resumes the calls that the former connector saved. `proxy_calls` has what differs
//! when one side is a user of a janus-cloud proxy.
//!
//! # Failures
//! A call ends, with both sides notified, when Janus does not reply within
//! [`JANUS_TIMEOUT`](transactions::JANUS_TIMEOUT). Messages may arrive twice or out of order. A call that
//! exists is not set up again, and a call that has ended is not set up at all. Ended calls are remembered
//! for [`ENDED_CALL_TTL`](ended_calls::ENDED_CALL_TTL).

pub mod action;
pub mod call;
mod end;
mod ended_calls;
mod janus_sessions;
pub mod leg;
mod machine;
mod proxy_calls;
pub mod proxy_leg;
mod recording;
mod relay;
mod requests;
mod setup;
mod takeover;
mod timings;
mod transactions;

#[cfg(test)]
mod tests;

pub use machine::{Calls, CallsConfig};
