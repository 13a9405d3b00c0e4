//! Every message, in one file for each kind of receiver, and how a message becomes a stream entry.
//!
//! What a client or Janus sent (bodies, jseps, candidates) travels as the raw JSON that it arrived as. The senders and
//! receivers, by kind:
//!
//! ```text
//! edge      → requests      register call exists list release abandon restore canary
//! router    → backend:NAME  place end
//! connector → requests      call (second attempt)
//! edge      → backend:NAME  request trickle hangup client_moved
//! router, connector → edge  events
//! edge      → edge          surrender surrendered
//! rest      → requests      invite end
//! connector, rest → proxies   proxy_invite (connector) canary (rest)
//! rest      → backend:NAME, router, connector → rest   proxy_reply
//! rest      → edge          disconnect
//! router    → edge, rest → rest, connector → backend:NAME   canary
//! ```

mod backend;
mod call_log;
mod edge;
mod proxy;
mod router;

pub use backend::{
    ClientMoved, End, EndCause, HopTimestamps, LegRef, LegRequest, Party, Place, ProxySide, Trickle,
};
pub use call_log::{CallEvent, CallRecord, EndKind, StepDurations};
pub use edge::{Change, ClientEvent, Disconnect, Events, Sequence, Surrender, Surrendered};
pub use proxy::{Invite, ProxyInvite, ProxyRefusal, ProxyReply};
pub use router::{Abandon, Address, ClientRequest, FailedAttempt, Location, Release, Restore};

use crate::error::DecodeError;
use crate::topic::{MAILBOX_LIMIT, POSTED_CALL_LIMIT, QUEUE_LIMIT, QUEUED_CALL_LIMIT};
use common::{BackendName, CallId, MessageId, ServiceId, SizeLimit, clock};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Span;

/// A message with its id and deadline.
#[derive(Clone, Debug)]
pub struct Message {
    /// Stays the same over redeliveries, so that a handler recognises what it has done.
    pub id: MessageId,
    /// After the deadline the message must not be handled.
    pub deadline: Option<Deadline>,
    /// The kind and its payload.
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

    /// The bound of a stream for this message.
    pub(crate) fn stream_limit(&self) -> SizeLimit {
        match self.body {
            Body::Call(_) | Body::Invite(_) => QUEUED_CALL_LIMIT,
            Body::Place(_) => POSTED_CALL_LIMIT,
            Body::Register(_)
            | Body::Exists(_)
            | Body::List(_)
            | Body::Release(_)
            | Body::Abandon(_)
            | Body::Restore(_)
            | Body::ProxyInvite(_) => QUEUE_LIMIT,
            _ => MAILBOX_LIMIT,
        }
    }
}

/// The longest time that may remain until a deadline. No sender uses more than a minute.
pub(crate) const MAX_TTL: Duration = Duration::from_secs(3600);

/// A deadline by the monotonic clock of this process. A message carries the time that remains when it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The time `timeout` from now.
    pub fn after(timeout: Duration) -> Self {
        Self(Instant::now() + timeout)
    }

    /// This deadline, brought forward by `margin`.
    pub fn earlier_by(self, margin: Duration) -> Self {
        Self(self.0.checked_sub(margin).unwrap_or(self.0))
    }

    /// The time until the deadline; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the deadline has passed.
    pub fn is_past(self) -> bool {
        self.remaining().is_zero()
    }
}

/// A stored deadline is in unix milliseconds by the clock of the cluster.
impl Serialize for Deadline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(clock::unix_millis() + self.remaining().as_millis() as u64)
    }
}

impl<'de> Deserialize<'de> for Deadline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let remaining = u64::deserialize(deserializer)?.saturating_sub(clock::unix_millis());
        Ok(Self::after(Duration::from_millis(remaining).min(MAX_TTL)))
    }
}

/// Declares [`Body`] with the name of each kind on the wire.
macro_rules! bodies {
    ($($(#[$doc:meta])* $variant:ident($payload:ty) = $kind:literal,)*) => {
        /// The content of a message, with one variant for each kind.
        #[derive(Clone, Debug)]
        pub enum Body {
            $($(#[$doc])* $variant($payload),)*
        }

        impl Body {
            /// The name of the kind on the wire.
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
    /// A client registers a name. To the routers.
    Register(ClientRequest) = "register",
    /// A client calls a name. To the routers.
    Call(ClientRequest) = "call",
    /// Queries whether a name is registered. To the routers.
    Exists(ClientRequest) = "exists",
    /// Lists the registered names. To the routers.
    List(ClientRequest) = "list",
    /// A handle was detached: its name is freed, its call ends. To the routers.
    Release(Release) = "release",
    /// A caller no longer waits for the reply to a call. To the routers.
    Abandon(Abandon) = "abandon",
    /// Registers a name again after the directory lost its data. To the routers.
    Restore(Restore) = "restore",
    /// Sets up a call. To a backend.
    Place(Place) = "place",
    /// A VideoCall request on a leg: accept, set, hangup. To a backend.
    Request(LegRequest) = "request",
    /// Candidates of a leg, in order. To a backend.
    Trickle(Trickle) = "trickle",
    /// A client hung up a leg with Janus' core request. To a backend.
    Hangup(LegRef) = "hangup",
    /// Ends a call for a reason other than a request on a leg. To a backend; from an operator, to the routers.
    End(End) = "end",
    /// The client of a leg is at another edge, or its edge checks that the call exists. To a backend.
    ClientMoved(ClientMoved) = "client_moved",
    /// Events for a client's handle. To an edge.
    Events(Events) = "events",
    /// Requests an edge to give up a session to another edge. To an edge.
    Surrender(Surrender) = "surrender",
    /// The session was given up. To an edge.
    Surrendered(Surrendered) = "surrendered",
    /// A user at janus-cloud calls one of our clients. To the routers.
    Invite(Invite) = "invite",
    /// One of our clients calls a user at janus-cloud. To the rest services.
    ProxyInvite(ProxyInvite) = "proxy_invite",
    /// Whether such a call may continue. To a backend, or to a rest service.
    ProxyReply(ProxyReply) = "proxy_reply",
    /// Ends a session for an operator. To an edge.
    Disconnect(Disconnect) = "disconnect",
    /// Checks a stream end to end.
    Canary(Canary) = "canary",
}

/// A notification for all services. A lost one does no harm: services also poll for the same facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A backend appeared, left or changed its state.
    BackendChanged(BackendName),
    /// A name moved to another handle.
    NameDisplaced(String),
    /// Checks that notices are delivered.
    Canary(Canary),
}

/// A synthetic message that checks a stream end to end and measures its latency.
///
/// Routers and rest services return a canary of a queue to the mailbox of its sender. In a mailbox, and as a notice,
/// the sender receives its canary itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The service that sent it.
    pub from: ServiceId,
    /// The stream it was sent on, by the sender's name for it.
    pub stream: String,
    /// The sender's running number.
    pub number: u64,
}

impl Message {
    /// The span in which this message is sent or handled.
    pub fn span(&self) -> Span {
        match &self.body {
            Body::Events(events) => events.span(),
            body => span(body.kind(), self.call(), Some(&self.id)),
        }
    }

    /// The call of the message. A call has the id of the request for it.
    pub fn call(&self) -> Option<CallId> {
        match &self.body {
            Body::Call(_) | Body::Invite(_) => Some(self.id.into()),
            Body::Abandon(abandon) => Some(abandon.call),
            Body::Place(place) => Some(place.call),
            Body::Request(request) => Some(request.leg.call),
            Body::Trickle(trickle) => Some(trickle.leg.call),
            Body::Hangup(leg) => Some(leg.call),
            Body::End(end) => Some(end.call),
            Body::ClientMoved(moved) => Some(moved.leg.call),
            Body::Events(events) => events.call,
            Body::ProxyInvite(invite) => Some(invite.call),
            Body::ProxyReply(reply) => Some(reply.call),
            _ => None,
        }
    }
}

impl Events {
    /// The span of these events, with the request that they reply to.
    pub fn span(&self) -> Span {
        span("events", self.call, self.in_reply_to.as_ref())
    }
}

/// The tracing span of a message. Every service handles a message within it, so that one call can be followed through
/// all logs.
fn span(kind: &str, call: Option<CallId>, request: Option<&MessageId>) -> Span {
    tracing::info_span!("message", kind, call = call.map(display), request = request.map(display))
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::entropy;

    #[test]
    fn stored_deadline_is_by_the_clock_of_the_cluster() {
        let stored = |now: u64, deadline: Deadline| {
            entropy::simulate(0, move || now);
            serde_json::to_string(&deadline).unwrap()
        };
        let json = stored(1_000_000, Deadline::after(Duration::from_secs(10)));
        for (now, remaining) in [(1_003_000, 6..=7), (1_011_000, 0..=0), (0, 1_009..=1_010)] {
            entropy::simulate(0, move || now);
            let deadline: Deadline = serde_json::from_str(&json).unwrap();
            assert!(remaining.contains(&deadline.remaining().as_secs()), "{now}: {deadline:?}");
        }
        let far: Deadline = serde_json::from_str(&u64::MAX.to_string()).unwrap();
        assert!(far.remaining() <= MAX_TTL);
    }
}
