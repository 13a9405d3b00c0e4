//! Between edges: a client claims its session at another edge than the one that holds it.
//!
//! The one that is asked writes the session down in the directory, lets go of it, and says so; the
//! asking edge then takes it over there. One that does not answer in time is taken for dead.

use common::ServiceId;
use protocol::SessionId;
use serde::{Deserialize, Serialize};

/// A client has shown at `to` that this session is its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surrender {
    /// Which session.
    pub session: SessionId,
    /// Who is to get it, and whatever comes for it from now on.
    pub to: ServiceId,
}

/// The session is written down and let go of, or was not here at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surrendered {
    /// Which session.
    pub session: SessionId,
    /// Who had it.
    pub from: ServiceId,
}

/// An operator ends a session: its client is told as Janus' `timeout` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnect {
    /// Which.
    pub session: SessionId,
}
