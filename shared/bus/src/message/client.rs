//! From an edge to the routers: what a client wants that needs a decision.

use common::{CallId, ServiceId};
use protocol::{HandleId, HandleRef, Raw, SessionId};
use serde::{Deserialize, Serialize};

/// Where a client's handle can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The edge that holds the session.
    pub edge: ServiceId,
    /// The session.
    pub session: SessionId,
    /// The handle.
    pub handle: HandleId,
}

impl Address {
    /// The handle without the place it is held at.
    pub fn handle_ref(&self) -> HandleRef {
        HandleRef { session: self.session, handle: self.handle }
    }
}

/// Where something stands, in an operator's words; empty for nowhere in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The place.
    pub location: String,
    /// Whose network it is in.
    pub isp: String,
}

impl Location {
    /// Whether it says nothing.
    pub fn is_unspecified(&self) -> bool {
        self.location.is_empty() && self.isp.is_empty()
    }
}

/// A VideoCall request of a client that is not about a leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientRequest {
    /// Who asks.
    pub from: Address,
    /// The client's transaction: every answer carries it.
    pub transaction: String,
    /// The plugin request, as the client wrote it.
    pub body: Raw,
    /// Where its edge stands: media servers near it are preferred.
    #[serde(default, skip_serializing_if = "Location::is_unspecified")]
    pub location: Location,
    /// The client's offer, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jsep: Option<Raw>,
    /// When its edge asked, unix microseconds; of a `call` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<u64>,
}

/// A handle that is gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    /// Which.
    pub who: HandleRef,
    /// The edge that is to be told when its name is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<ServiceId>,
}

/// A call that its caller does not wait for any more, because no answer came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandon {
    /// Who had asked for it.
    pub who: HandleRef,
    /// The call it would have been.
    pub call: CallId,
}

/// A name that a handle had when the directory lost everything: it is the handle's again, unless
/// somebody else has it by now; then the handle is told that it is displaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// Whose.
    pub who: Address,
    /// The name.
    pub username: String,
}
