//! The message bus between the services, within one process ([`memory`]) or over Redis ([`redis`]).
//!
//! It offers three kinds of streams and two logs, each with one guarantee. One suite in `tests/conformance/` runs
//! against both implementations.
//!
//! | stream | delivered to | order | lost when |
//! |---|---|---|---|
//! | [`Queue`](topic::Queue) | one of many workers, and another one when that worker dies | none | never; after [`MAX_DELIVERIES`] failed deliveries it is in [`Log::Dead`](topic::Log::Dead), unless it is a canary |
//! | [`Mailbox`](topic::Mailbox) | its one owner, or the next owner | kept | the mailbox is closed, or has had no owner for [`MAILBOX_TTL`] |
//! | [`Notice`](message::Notice) | every current subscriber | kept | there is no subscriber, or a connection breaks |
//! | [`Log`](topic::Log) | every reader, also later | kept | the log exceeds its cap |
//!
//! Failure: a send that returns `Ok` was stored. After an error the message *may* have been stored, because the
//! connection can break before the reply arrives. Readers do not fail: they reconnect with a growing delay and
//! continue at their position. A message can be delivered twice, so its handler must recognise by the message id
//! what has been done.

#![warn(missing_docs)]

pub mod ack_tracker;
pub mod codec;
pub mod inspect;
pub mod memory;
pub mod message;
pub mod metrics;
pub mod redis;
pub mod topic;

mod bus;
mod error;
mod receivers;

pub use ack_tracker::MailboxOffset;
pub use bus::Bus;
pub use codec::LogLine;
pub use error::{DecodeError, SendError};
pub use receivers::{Delivery, Follower, MailboxReader, Notices, Worker};
pub use topic::{
    MAILBOX_TTL, MAX_BACKLOG, MAX_DELIVERIES, MAX_MAILBOX_BYTES, MAX_PAYLOAD, MAX_REQUEST_BYTES,
    OVERLOADED_MAILBOX, OVERLOADED_QUEUE, REDELIVER_AFTER,
};
