//! The shared state of the cluster: names, handles, sessions, calls, backends, leases.
//!
//! `api/` has the operations, each with its guarantees. [`memory`] and [`redis`] implement them under the
//! same file names. `tests/conformance` runs one suite over both.
//!
//! An operation changes one key in one atomic step. One that changes several documents their order, and what
//! an interruption leaves. Callers combine operations so that a repetition ends in the same state.
//!
//! | record | owner | end |
//! |---|---|---|
//! | user (a name) | the handle that registered it | released, moved to another handle, or its edge reaped |
//! | handle | its edge | removed, or its edge reaped |
//! | session | its edge, until another claims it | closed, or its edge dead and its grace period over |
//! | call | the backend it is on | ended, and its final notices sent |
//! | ended call (its id) | | after [`ENDED_TTL`] |
//! | backend | the connector that announces it | its announcement expires |
//! | connector record of a backend | the connector that holds the lease | after [`CONNECTOR_RECORD_TTL`] |
//! | drained backend | the operators | undrained |
//! | discovered backend | a sentinel, an operator, another proxy | unregistered, or expired |
//! | our proxy | the routers and rest services | not renewed for [`PROXY_TTL`] |
//! | lease | its holder | released, or expired |
//! | heartbeat of an edge | the edge | reaped |
//! | heartbeat of a router | the router | not renewed for 60 s |
//! | service | the service | deregistered, or its announcement expires |
//!
//! An operation fails with [`Error::Unavailable`] when the store does not reply in time. It may have been
//! executed then.

#![warn(missing_docs)]

mod api;
mod error;
pub mod listing;
pub mod memory;
pub mod metrics;
pub mod record;
pub mod redis;

pub use api::Directory;
pub use error::{Error, Result};
pub use record::{
    CONNECTOR_RECORD_TTL, DEREGISTERED_AGE, ENDED_TTL, MAX_LISTED_BYTES, MAX_LISTED_USERS,
    MAX_PREVIOUS_EDGES, MAX_SERVICES, OUR_PROXY, PROXY_TTL, REGISTRATION_TTL_SECONDS,
};
