//! The records that the directory stores, their bounds and lifetimes, and the outcomes of the atomic steps.

mod backend;
mod name_list;

pub use backend::{
    Backend, BackendHealth, BackendRegistration, BackendStatus, BreakerState, DiscoveredBackend,
};
pub(crate) use name_list::NameList;

use common::{BackendName, CallId, ServiceId};
use protocol::{HandleRef, SessionId, Side};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The bound of [`usernames`](crate::Directory::usernames), as in janus-cloud with Redis.
pub const MAX_LISTED_USERS: usize = 1_000;
/// The bound of the names in [`usernames`](crate::Directory::usernames), in bytes.
pub const MAX_LISTED_BYTES: usize = 64 * 1024;
/// The bound of [`services`](crate::Directory::services).
pub const MAX_SERVICES: usize = 1_000;
/// How many previous edges are stored with a session.
pub const MAX_PREVIOUS_EDGES: usize = 3;

/// The `proxy_uuid` of names that this cluster owns: to janus-cloud the whole cluster is one proxy.
pub const OUR_PROXY: &str = "switchboard";
/// How long the record of a proxy is valid after its last renewal (janus-cloud's value).
pub const PROXY_TTL: Duration = Duration::from_secs(60);
/// The default `expire` of a registered backend (janus-cloud's value).
pub const REGISTRATION_TTL_SECONDS: u64 = 60;

/// The heartbeat of an edge that deregistered counts as older than this.
pub const DEREGISTERED_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the id of an ended call is kept. A request is redelivered for a shorter time than this.
pub const ENDED_TTL: Duration = Duration::from_secs(15);
/// How long the record that a connector stores for a backend is kept.
pub const CONNECTOR_RECORD_TTL: Duration = Duration::from_secs(120);

/// A handle and the edge that serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The edge that owns the session.
    pub edge: ServiceId,
    /// The session and the handle in it.
    pub handle: HandleRef,
}

/// The record of a registered name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisteredName {
    /// A handle of this cluster owns the name.
    Local(User),
    /// A janus-cloud proxy owns the name. The proxy may be down.
    Foreign(ProxyUser),
}

impl RegisteredName {
    /// Returns the handle that owns the name; `None` for a foreign name.
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Local(user) => Some(&user.owner),
            Self::Foreign(_) => None,
        }
    }
}

/// A name that a janus-cloud proxy registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUser {
    /// The registered name.
    pub username: String,
    /// The proxy's uuid, for [`proxy_url`](crate::Directory::proxy_url); empty where the record has none.
    pub proxy: String,
    /// Whether the user is in a call: in janus-cloud, any text in `incall` but the empty one.
    pub in_call: bool,
    /// Our handle that owned the name before, as long as its client may not have been notified of the loss.
    pub displaced: Option<Owner>,
}

/// A name that a handle of this cluster owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The registered name.
    pub username: String,
    /// The handle that registered it.
    pub owner: Owner,
}

/// A handle that has registered a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The edge that serves it.
    pub edge: ServiceId,
    /// Its name; `None` after another handle took the name.
    pub username: Option<String>,
    /// The call it is in.
    pub call: Option<CallId>,
}

/// How long a session is kept, and which clients may claim it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPolicy {
    /// The keyed digest of the token that a claim must present; `None` when any client may claim the session.
    pub token_digest: Option<String>,
    /// How long the session waits for its client to come back.
    pub grace: Duration,
}

/// A session, without the state that its edge stores in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The edge that owns it.
    pub edge: ServiceId,
    /// How long it is kept, and which clients may claim it.
    pub policy: SessionPolicy,
    /// How long its client has been disconnected; `None` while it is connected, as far as the edge knew.
    pub away: Option<Duration>,
    /// The address of its client, or of a proxy that names none. `None` if no edge has stored it.
    pub client: Option<String>,
}

/// What an edge stores of a session, so that another edge can take it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveRequest {
    /// The session to store.
    pub session: SessionId,
    /// The whole state, in the format of the edges.
    pub state: String,
    /// Messages that the client has not received.
    pub backlog: BacklogUpdate,
    /// How long the client has been disconnected; `None` while it is connected.
    pub away: Option<Duration>,
    /// The address of the client; `None` leaves the stored one.
    pub client: Option<String>,
}

/// A change to the stored backlog of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BacklogUpdate {
    /// Appends these messages.
    Append(Vec<String>),
    /// Replaces the stored messages with these.
    Replace(Vec<String>),
}

/// The outcome of a [`SaveRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveOutcome {
    /// The session is stored.
    Saved,
    /// There is no such session: it was reaped, or Redis lost its data.
    Missing,
    /// This other edge owns the session.
    OwnedBy(ServiceId),
}

/// A session as the edge that claimed it gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedSession {
    /// The state as last stored; `None` when it was never stored.
    pub state: Option<String>,
    /// Messages that the client must receive first.
    pub backlog: Vec<String>,
    /// The edges that owned it before, the latest first, at most
    /// [`MAX_PREVIOUS_EDGES`]. Their mailboxes may have messages for it.
    pub previous_edges: Vec<ServiceId>,
}

/// A call that a previous connector left on a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanedCall {
    /// The record of the call.
    pub call: Call,
    /// What the connector stored of it, in the format of the connectors.
    pub state: Option<String>,
    /// The notifications that its parties must get, if it has ended. They may have been sent already.
    pub final_notices: Option<String>,
}

/// The outcome of an attempt to end a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndOutcome {
    /// Its handles are free, now or since an earlier attempt.
    Ended(Call),
    /// There is no such call.
    NotFound,
    /// A later holder of the backend's lease owns the call, which continues.
    Superseded,
}

/// A call between two parties, on one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The id of the request that began the call.
    pub id: CallId,
    /// The Janus server that the call is on.
    pub backend: BackendName,
    /// The party that calls.
    pub caller: CallParty,
    /// The party that is called.
    pub callee: CallParty,
    /// When it was opened, in unix milliseconds.
    pub opened: u64,
}

impl Call {
    /// Returns the party on one side.
    pub fn party(&self, side: Side) -> &CallParty {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    /// Returns the handles of the local sides.
    pub fn handles(&self) -> impl Iterator<Item = HandleRef> {
        let owners = [&self.caller, &self.callee].into_iter().filter_map(|party| party.owner.as_ref());
        owners.map(|owner| owner.handle)
    }

    /// Returns the sides that this cluster owns, the one with the smaller handle first.
    pub fn local_sides(&self) -> Vec<Side> {
        let with_handle = |side| Some((self.party(side).owner.as_ref()?.handle, side));
        let mut sides: Vec<_> = [Side::Caller, Side::Callee].into_iter().filter_map(with_handle).collect();
        sides.sort_by_key(|(handle, _)| *handle);
        sides.into_iter().map(|(_, side)| side).collect()
    }

    /// Returns the side that a handle is on.
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
    /// The handle and its edge; `None` for a user of a janus-cloud proxy.
    pub owner: Option<Owner>,
}

/// The fencing token of a lease. It grows with each new holder: a write with a smaller one is from a previous
/// holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FencingToken(pub u64);

impl FencingToken {
    /// The token of a caller without a lease. It is smaller than that of any holder.
    pub const UNLEASED: Self = Self(0);
}

/// The outcome of a handle's claim of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The handle may take the name.
    Claimed,
    /// The handle has this name already.
    AlreadyNamed(String),
    /// The same request got the name before, and another handle has taken it since.
    Lost,
}

/// The outcome of the grant of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantOutcome {
    /// The handle owns the name.
    Granted,
    /// This other handle owns the name.
    OwnedBy(Owner),
}

/// The outcome of a call's attempt to acquire a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcquireOutcome {
    /// The handle is in the call.
    Acquired,
    /// The handle is in this other call.
    Busy(CallId),
    /// The handle is removed, or it lost the name, or the call has ended.
    Gone,
}
