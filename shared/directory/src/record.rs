//! What the directory keeps, and the answers of its atomic steps.

mod backend;

pub use backend::{Backend, BackendRegistration, BackendStatus, DiscoveredBackend};

use common::{BackendName, CallId, ServiceId};
use protocol::{HandleRef, SessionId, Side};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A handle and the edge that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The edge.
    pub edge: ServiceId,
    /// The handle.
    pub handle: HandleRef,
}

/// Whose a name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisteredName {
    /// A handle of this cluster's.
    Local(User),
    /// Somebody's at a proxy of another make, alive or not.
    Foreign(ProxyUser),
}

impl RegisteredName {
    /// The handle that owns the name; none for a peer's.
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Local(user) => Some(&user.owner),
            Self::Foreign(_) => None,
        }
    }
}

/// A name that a janus-cloud proxy has written down as its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUser {
    /// The name.
    pub username: String,
    /// The proxy's uuid; empty where the record has none. Its own record says where it is, see
    /// [`peer_proxy`](crate::Directory::peer_proxy).
    pub proxy: String,
    /// Whether its proxy says that it is in a call (any text but the empty one, as for janus-cloud).
    pub in_call: bool,
    /// Our handle that had the name before, and was perhaps not told yet that it is lost.
    pub displaced: Option<Owner>,
}

/// A name that is registered with a handle of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub username: String,
    /// Whose it is.
    pub owner: Owner,
}

/// A handle that has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The edge that holds it.
    pub edge: ServiceId,
    /// Its name; none after another handle took it.
    pub username: Option<String>,
    /// The call it is in.
    pub call: Option<CallId>,
}

/// How long a session is kept, and who may claim it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPolicy {
    /// What whoever claims it must show the same of; none where any client may.
    pub token_digest: Option<String>,
    /// How long it waits for its client once that is gone.
    pub grace: Duration,
}

/// A session, without what its edge has written down of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The edge that holds it.
    pub edge: ServiceId,
    /// How long it is kept, and who may claim it.
    pub policy: SessionPolicy,
    /// How long its client has been gone; none while it is connected, as far as its edge knew.
    pub away: Option<Duration>,
}

/// What an edge writes down of a session, so that another can go on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveRequest {
    /// Which.
    pub session: SessionId,
    /// Its whole state, as the edge reads it.
    pub state: String,
    /// What its client is to hear and has not heard.
    pub backlog: BacklogUpdate,
    /// How long its client has been gone; none while it is connected.
    pub away: Option<Duration>,
}

/// What becomes of the list of what a session's client has not heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BacklogUpdate {
    /// These come behind those in it.
    Append(Vec<String>),
    /// It has these alone.
    Replace(Vec<String>),
}

/// Whether a session was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveOutcome {
    /// It was.
    Saved,
    /// There is no such session: it was reaped, or the directory lost it.
    Missing,
    /// Another edge holds it now.
    OwnedBy(ServiceId),
}

/// A session as its new edge takes it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedSession {
    /// The state as last written down; none for a session that never was.
    pub state: Option<String>,
    /// What its client is to hear first.
    pub backlog: Vec<String>,
    /// Who held it before, the latest first, at most [`MAX_PREVIOUS_EDGES`](crate::MAX_PREVIOUS_EDGES): messages for it may still
    /// go there.
    pub previous_edges: Vec<ServiceId>,
}

/// A call that a former connector left on a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanedCall {
    /// Its record.
    pub call: Call,
    /// What the connector wrote down of it, as connectors read it.
    pub state: Option<String>,
    /// What its sides are to hear of its end, if it has ended; they may have heard it.
    pub final_notices: Option<String>,
}

/// What came of the end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndOutcome {
    /// Its handles are free, now or since somebody concluded it before.
    Ended(Call),
    /// There is no such call any more.
    NotFound,
    /// A later holder of the backend's lease has it: it goes on.
    Superseded,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// The backend it is on.
    pub backend: BackendName,
    /// Who calls.
    pub caller: CallParty,
    /// Who is called.
    pub callee: CallParty,
    /// When it was opened, unix milliseconds.
    pub opened: u64,
}

impl Call {
    /// The given side.
    pub fn party(&self, side: Side) -> &CallParty {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    /// The handles of its sides that are ours.
    pub fn handles(&self) -> impl Iterator<Item = HandleRef> {
        let owners = [&self.caller, &self.callee].into_iter().filter_map(|party| party.owner.as_ref());
        owners.map(|owner| owner.handle)
    }

    /// The sides that are ours, the one with the smaller handle first.
    pub fn local_sides(&self) -> Vec<Side> {
        let handle = |side| Some((self.party(side).owner.as_ref()?.handle, side));
        let mut sides: Vec<_> = [Side::Caller, Side::Callee].into_iter().filter_map(handle).collect();
        sides.sort_by_key(|(handle, _)| *handle);
        sides.into_iter().map(|(_, side)| side).collect()
    }

    /// The side a handle is on.
    pub fn side_of(&self, handle: HandleRef) -> Option<Side> {
        [Side::Caller, Side::Callee]
            .into_iter()
            .find(|side| self.party(*side).owner.as_ref().is_some_and(|owner| owner.handle == handle))
    }
}

/// One side of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallParty {
    /// The name at the time of the call.
    pub username: String,
    /// The handle and its edge; none for a user of another proxy.
    pub owner: Option<Owner>,
}

/// Grows with each new holder of a lease: what carries a smaller one comes from a former holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FencingToken(pub u64);

impl FencingToken {
    /// Of somebody who never had the lease, and comes before everybody who did.
    pub const UNLEASED: Self = Self(0);
}

/// Whether a handle may have the name it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// It may.
    Claimed,
    /// It has this name already.
    AlreadyNamed(String),
    /// The same request got the name before, and another handle has taken it since.
    Lost,
}

/// Whether a name changed hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantOutcome {
    /// It belongs to who was to have it.
    Granted,
    /// It belongs to somebody else.
    OwnedBy(Owner),
}

/// Whether a call got a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcquireOutcome {
    /// It did.
    Acquired,
    /// The handle is in this other call.
    Busy(CallId),
    /// The handle is gone, or the name is not its own any more, or the call is over.
    Gone,
}
