//! Every message that travels, and how it is written into a stream entry.
//!
//! An entry has the named fields `id`, `kind`, `deadline` (unix milliseconds, absent for none) and
//! `payload` (JSON), so that `redis-cli XRANGE` shows what is going on. What a client or Janus wrote
//! (bodies, jseps, candidates) travels as the raw JSON it came as.
//!
//! The flow, by kind:
//!
//! ```text
//! edge      → requests      register call exists list release abandon restore canary
//! router    → backend:NAME  place end
//! edge      → backend:NAME  request trickle hangup attend
//! router, connector → edge  events
//! edge      → edge          surrender surrendered
//! rest      → requests      invite end
//! connector, rest → peers   ask_peer (connector) canary (rest)
//! rest      → backend:NAME, router, connector → rest   peer_answer
//! rest      → edge          disconnect
//! router    → edge, rest → rest, connector → backend:NAME   canary
//! ```

mod canary;
mod claim;
mod client;
mod events;
mod hangup;
mod leg;
mod news;
mod peer;
mod span;
mod times;

pub use canary::Canary;
pub use claim::{Disconnect, Surrender, Surrendered};
pub use client::{Abandon, Address, ClientRequest, Location, Release, Restore};
pub use events::{Change, ClientEvent, Events, Sequence};
pub use leg::{ClientMoved, End, EndCause, LegRef, LegRequest, Party, Place, ProxySide, Trickle};
pub use news::{CallEvent, CallRecord, EndKind, Notice};
pub use peer::{Invite, ProxyInvite, ProxyRefusal, ProxyReply};
pub use times::{HopTimestamps, StepDurations};

use crate::{MAX_BACKLOG, OVERLOADED_MAILBOX, OVERLOADED_QUEUE};
use common::MessageId;
pub(crate) use common::entropy::unix_millis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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

    /// Whether the deadline has passed.
    pub fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline.is_past())
    }

    /// How many may wait on its road so that it is still taken.
    pub(crate) fn stream_limit(&self) -> usize {
        match self.body {
            Body::Call(_) | Body::Invite(_) => OVERLOADED_QUEUE,
            Body::Place(_) => OVERLOADED_MAILBOX,
            _ => MAX_BACKLOG,
        }
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
            pub(crate) fn read(kind: &str, payload: &str) -> Result<Self, DecodeError> {
                match kind {
                    $($kind => Ok(Self::$variant(serde_json::from_str(payload)?)),)*
                    other => Err(DecodeError::UnknownKind(other.to_owned())),
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
    /// A caller has given up on a call that was not answered. To the routers.
    Abandon(Abandon) = "abandon",
    /// A handle had a name when the directory lost everything. To the routers.
    Restore(Restore) = "restore",
    /// Set up this call. To a backend.
    Place(Place) = "place",
    /// A VideoCall request on a leg: accept, set, hangup. To a backend.
    Request(LegRequest) = "request",
    /// Candidates of a leg, in order. To a backend.
    Trickle(Trickle) = "trickle",
    /// A client hung a leg up with Janus' core request. To a backend.
    Hangup(LegRef) = "hangup",
    /// End this call for a reason that did not come over a leg. To a backend; an operator's to the routers.
    End(End) = "end",
    /// A leg's client is at another edge, or not sure that the call still is. To a backend.
    ClientMoved(ClientMoved) = "attend",
    /// What one client handle is to hear. To an edge.
    Events(Events) = "events",
    /// Give this session up to another edge. To an edge.
    Surrender(Surrender) = "surrender",
    /// It is given up. To an edge.
    Surrendered(Surrendered) = "surrendered",
    /// A user of another proxy calls one of ours. To the routers.
    Invite(Invite) = "invite",
    /// One of ours calls a user of another proxy. To the rest services.
    ProxyInvite(ProxyInvite) = "ask_peer",
    /// Whether such a call may go on. To a backend, or to a rest service.
    ProxyReply(ProxyReply) = "peer_answer",
    /// An operator ends this session. To an edge.
    Disconnect(Disconnect) = "disconnect",
    /// Nothing but a sign that a road is open. To anybody.
    Canary(Canary) = "canary",
}

/// A stream entry that is no message of ours.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
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
