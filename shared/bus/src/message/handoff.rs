//! The hand-off of a session between edges, when a client claims the session at another edge.
//!
//! The edge that holds the session persists it in the directory, drops it and replies. The other edge then takes it
//! over from the directory. An edge that does not reply in time is considered dead.

use common::ServiceId;
use protocol::SessionId;
use serde::{Deserialize, Serialize};

/// Requests an edge to give up a session that a client has claimed at `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surrender {
    /// The session to give up.
    pub session: SessionId,
    /// The edge that receives the session, and all later messages for it.
    pub to: ServiceId,
}

/// The session is persisted and dropped, or was not at this edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surrendered {
    /// The session that was given up.
    pub session: SessionId,
    /// The edge that held it.
    pub from: ServiceId,
}

/// Ends a session for an operator. Its client receives Janus' `timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnect {
    /// The session to end.
    pub session: SessionId,
}
