//! Every message that travels, and how it is written into a stream entry.
//!
//! An entry has the named fields `id`, `kind`, `deadline` (unix milliseconds, absent for none) and
//! `payload` (JSON), so that `redis-cli XRANGE` shows what is going on. What a client or Janus wrote
//! (bodies, jseps, candidates) travels as the raw JSON it came as.
//!
//! The flow, by kind:
//!
//! ```text
//! edge      → requests      register call exists list release
//! router    → backend:NAME  place end
//! edge      → backend:NAME  request trickle hangup
//! router, connector → edge  events
//! ```

use protocol::{BackendName, CallId, HandleId, HandleRef, MessageId, Raw, ServiceId, SessionId, Side};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A message with its identity and the time until which its work is wanted.
#[derive(Clone, Debug)]
pub struct Message {
    /// Stays the same over redeliveries: what has been done under this id is not done twice.
    pub id: MessageId,
    /// Past it the work is not to be done.
    pub deadline: Option<Deadline>,
    /// What it says.
    pub body: Body,
}

impl Message {
    /// A message with a fresh id and no deadline.
    pub fn new(body: Body) -> Self {
        Self { id: MessageId::fresh(), deadline: None, body }
    }

    /// A message with a fresh id that is void after `patience`.
    pub fn within(patience: Duration, body: Body) -> Self {
        Self { deadline: Some(Deadline::after(patience)), ..Self::new(body) }
    }

    /// Whether the deadline has passed.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline.is_past())
    }
}

/// Unix milliseconds. Clocks of a cluster are expected to agree to within a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deadline(pub u64);

impl Deadline {
    /// The time `patience` from now.
    pub fn after(patience: Duration) -> Self {
        Self(unix_millis() + patience.as_millis() as u64)
    }

    /// Whether it is over.
    pub fn is_past(self) -> bool {
        unix_millis() > self.0
    }
}

pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// Declares [`Body`]: each kind's name on the wire beside its payload.
macro_rules! bodies {
    ($($(#[$doc:meta])* $variant:ident($payload:ty) = $kind:literal,)*) => {
        /// What a message says, one variant a kind.
        #[derive(Clone, Debug)]
        pub enum Body {
            $($(#[$doc])* $variant($payload),)*
        }

        impl Body {
            /// The kind's name, as it stands in the stream.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }

            /// The payload as JSON.
            pub(crate) fn payload(&self) -> serde_json::Result<String> {
                match self {
                    $(Self::$variant(payload) => serde_json::to_string(payload),)*
                }
            }

            /// Reads a payload of this kind.
            pub(crate) fn read(kind: &str, payload: &str) -> Result<Self, Unreadable> {
                match kind {
                    $($kind => Ok(Self::$variant(serde_json::from_str(payload)?)),)*
                    other => Err(Unreadable::UnknownKind(other.to_owned())),
                }
            }
        }
    };
}

bodies! {
    /// A client wants a name. To the routers.
    Register(ClientRequest) = "register",
    /// A client calls a name. To the routers.
    Call(ClientRequest) = "call",
    /// A client asks whether a name is registered. To the routers.
    Exists(ClientRequest) = "exists",
    /// A client asks who is registered. To the routers.
    List(ClientRequest) = "list",
    /// A handle is gone: free its name, end its call. To the routers.
    Release(Release) = "release",
    /// Set up this call. To a backend.
    Place(Place) = "place",
    /// A VideoCall request on a leg: accept, set, hangup. To a backend.
    Request(LegRequest) = "request",
    /// Candidates of a leg, in order. To a backend.
    Trickle(Trickle) = "trickle",
    /// A client hung a leg up with Janus' core request. To a backend.
    Hangup(LegRef) = "hangup",
    /// End this call for a reason that did not come over a leg. To a backend.
    End(End) = "end",
    /// What one client handle is to hear. To an edge.
    Events(Events) = "events",
}

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

/// A VideoCall request of a client that is not about a leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientRequest {
    /// Who asks.
    pub from: Address,
    /// The client's transaction: every answer carries it.
    pub transaction: String,
    /// The plugin request, as the client wrote it.
    pub body: Raw,
    /// The client's offer, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jsep: Option<Raw>,
}

/// A handle that is gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    /// Which.
    pub who: HandleRef,
}

/// A call to set up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The call.
    pub call: CallId,
    /// Who calls.
    pub caller: Party,
    /// Who is called.
    pub callee: Party,
    /// The transaction of the caller's request.
    pub transaction: String,
    /// The caller's offer.
    pub offer: Raw,
}

/// One side of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Party {
    /// The name that the other side sees.
    pub username: String,
    /// Where its events go.
    pub address: Address,
}

/// One side of a call, as edges and connectors refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRef {
    /// The call.
    pub call: CallId,
    /// The side.
    pub side: Side,
}

/// A VideoCall request on a leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LegRequest {
    /// The leg.
    pub leg: LegRef,
    /// The client's transaction; absent where the edge replays settings of its own accord.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The plugin request, as the client wrote it.
    pub body: Raw,
    /// The client's offer or answer, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jsep: Option<Raw>,
}

/// Candidates of a leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trickle {
    /// The leg.
    pub leg: LegRef,
    /// As the client wrote them, in order.
    pub candidates: Vec<Raw>,
}

/// A call to end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// The call.
    pub call: CallId,
    /// Who or what ended it.
    pub cause: EndCause,
}

/// Why a call is ended from outside its legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The caller's handle is gone.
    CallerGone,
    /// The callee's handle is gone.
    CalleeGone,
}

impl EndCause {
    /// The handle of this side is gone.
    pub fn gone(side: Side) -> Self {
        match side {
            Side::Caller => Self::CallerGone,
            Side::Callee => Self::CalleeGone,
        }
    }

    /// Whose handle is gone.
    pub fn side(self) -> Side {
        match self {
            Self::CallerGone => Side::Caller,
            Self::CalleeGone => Side::Callee,
        }
    }
}

/// What one client handle is to hear, and what its edge is to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Events {
    /// The handle's session.
    pub session: SessionId,
    /// The handle.
    pub handle: HandleId,
    /// The call this is about. An edge drops what is of another call than the handle's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// The request this is the final answer of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<MessageId>,
    /// What changes for the handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// For the client, in order.
    pub events: Vec<ClientEvent>,
}

/// What changes for a handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It owns this name now.
    Registered(String),
    /// It does not own this name any more.
    Displaced(String),
    /// It is in a call now; what it has to say goes to this backend's mailbox.
    Joined {
        /// The backend.
        backend: BackendName,
        /// The handle's side of the call.
        side: Side,
    },
    /// The callee has accepted: what waited for that may go.
    Answered,
    /// The call is over for it.
    Left,
}

/// One message for a client; its edge adds session, sender and plugin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientEvent {
    /// A plugin event.
    Plugin {
        /// The transaction it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<String>,
        /// `plugindata.data`.
        data: Raw,
        /// The session description that goes with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jsep: Option<Raw>,
    },
    /// A core event: `webrtcup`, `media`, `slowlink`, `trickle`, `hangup`.
    Core {
        /// Its name.
        janus: String,
        /// Its other members, an object; empty for none.
        fields: Raw,
    },
    /// A core error instead of an acknowledgement.
    Error {
        /// The transaction it answers.
        transaction: String,
        /// Janus' error code.
        code: u16,
        /// In words.
        reason: String,
    },
}

/// A line of the `calls` log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The call.
    pub call: CallId,
    /// `ringing`, `answered` or `ended`.
    pub event: CallEvent,
    /// The caller's name.
    pub caller: String,
    /// The callee's name.
    pub callee: String,
    /// The backend it is on.
    pub backend: BackendName,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Milliseconds from ringing to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// A step in a call's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallEvent {
    /// Both sides have been told.
    Ringing,
    /// The callee accepted.
    Answered,
    /// Over.
    Ended,
}

/// News for whoever listens; losing one is harmless, because each is also found by looking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A backend appeared, went away or changed its state.
    BackendChanged(BackendName),
    /// A name moved to another handle.
    NameDisplaced(String),
}

/// A stream entry that is no message of ours.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A field is missing or no text.
    #[error("field {0} is missing or malformed")]
    Field(&'static str),
    /// A kind this version does not know.
    #[error("unknown kind {0}")]
    UnknownKind(String),
    /// A payload that does not fit its kind.
    #[error("payload: {0}")]
    Payload(#[from] serde_json::Error),
}
