//! Requests from an edge to the routers, about its clients' handles.

use common::{BackendName, CallId, MessageId, ServiceId};
use protocol::{HandleId, HandleRef, Raw, SessionId};
use serde::{Deserialize, Serialize};

/// Where a client's handle is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The edge that holds the session.
    pub edge: ServiceId,
    /// The session of the handle.
    pub session: SessionId,
    /// The handle within the session.
    pub handle: HandleId,
}

impl Address {
    /// The handle without its edge.
    pub fn handle_ref(&self) -> HandleRef {
        HandleRef { session: self.session, handle: self.handle }
    }
}

/// The location of a service or media server, as configured. Empty strings mean unspecified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// A name of the place.
    pub location: String,
    /// The network provider.
    pub isp: String,
}

impl Location {
    /// Whether neither is specified.
    pub fn is_unspecified(&self) -> bool {
        self.location.is_empty() && self.isp.is_empty()
    }
}

/// A VideoCall request of a client that is not about a leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientRequest {
    /// The requesting handle.
    pub from: Address,
    /// The client's transaction, which every reply carries.
    pub transaction: String,
    /// The plugin request, as the client sent it.
    pub body: Raw,
    /// The location of the edge. Routers prefer media servers near it.
    #[serde(default, skip_serializing_if = "Location::is_unspecified")]
    pub location: Location,
    /// The client's offer, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jsep: Option<Raw>,
    /// When the edge sent a `call`, in unix microseconds; `None` for other requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<u64>,
    /// The attempt that failed, if this is the second one at a call. A connector sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedAttempt>,
}

/// The first attempt at a call, whose backend failed before the call rang.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// The client's request, which gets the reply.
    pub request: MessageId,
    /// The backend that failed.
    pub backend: BackendName,
}

/// A handle was detached, or its session ended: its name is free, its call ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    /// The detached handle.
    pub who: HandleRef,
    /// The edge to notify when the name is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<ServiceId>,
}

/// The caller no longer waits for a call, because no reply came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandon {
    /// The caller's handle.
    pub who: HandleRef,
    /// The id of the call.
    pub call: CallId,
}

/// Registers a name again after the directory has lost its data. A handle whose name is taken by now is notified that
/// it is displaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The handle that had the name.
    pub who: Address,
    /// The name to register.
    pub username: String,
}
