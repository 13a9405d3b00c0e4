//! Messages to a backend's connector: calls to set up, and requests on their legs.

use super::{Address, Change, Events, Location};
use common::{BackendName, CallId, MessageId, ServiceId};
use protocol::hangup::HangupCause;
use protocol::{Raw, Side};
use serde::{Deserialize, Serialize};

/// A call to set up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The id of the new call.
    pub call: CallId,
    /// The calling side.
    pub caller: Party,
    /// The called side.
    pub callee: Party,
    /// The transaction of the caller's request; empty when the caller is at janus-cloud.
    pub transaction: String,
    /// The caller's offer; `None` when the caller is at janus-cloud, whose offer comes through Janus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Raw>,
    /// The side that is at janus-cloud, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_side: Option<ProxySide>,
    /// When the request passed each service, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<HopTimestamps>,
    /// The request that the caller waits for; `None` if the call has its id. A second attempt has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<MessageId>,
    /// Another backend can take the call if this one fails before it rings. Routers choose one near this location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Location>,
}

/// When a call passed each service on its way to a connector, in unix microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopTimestamps {
    /// An edge put the request on the bus; for a caller at janus-cloud, a rest service.
    pub requested_at: u64,
    /// A router took the request from its queue.
    pub dequeued_at: u64,
    /// The router posted the call to the backend.
    pub posted_at: u64,
}

/// The side of a call whose user is at janus-cloud. Its proxy attaches a handle for the user on the same Janus, registered
/// under the user's own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxySide {
    /// The caller is at janus-cloud. This rest service waits until the callee is registered on Janus; the offer comes
    /// after that, as an `incomingcall`.
    Caller(ServiceId),
    /// The callee is at janus-cloud. The proxy with this `api_base_url` registers the callee before the offer is sent.
    Callee(String),
}

/// One side of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Party {
    /// The name that the other side sees.
    pub username: String,
    /// Where its events go; `None` for a user at janus-cloud, who gets events from Janus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// One side of a call, by the id of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRef {
    /// The id of the call.
    pub call: CallId,
    /// The side of the call.
    pub side: Side,
}

/// A VideoCall request on a leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LegRequest {
    /// The leg that the request is about.
    pub leg: LegRef,
    /// The client's transaction; `None` when the edge replays settings without a request of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The plugin request, as the client sent it.
    pub body: Raw,
    /// The client's offer or answer, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jsep: Option<Raw>,
}

/// Candidates of a leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trickle {
    /// The leg of the sending client.
    pub leg: LegRef,
    /// The candidates in order, as the client sent them.
    pub candidates: Vec<Raw>,
}

/// The client of a leg is at another edge, or its edge checks that the call still exists. The connector sends later
/// events to this address. If the call is over, it replies so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientMoved {
    /// The leg of the client.
    pub leg: LegRef,
    /// Where its events go.
    pub address: Address,
}

impl ClientMoved {
    /// Returns the backend of the call that these events join, and the message for its connector: the joining client is
    /// now at `edge`. Returns `None` for events that join no call.
    pub fn for_joined(events: &Events, edge: &ServiceId) -> Option<(BackendName, Self)> {
        let (Some(Change::Joined { backend, side }), Some(call)) = (&events.change, events.call) else {
            return None;
        };
        let address = Address { edge: edge.clone(), session: events.session, handle: events.handle };
        Some((backend.clone(), Self { leg: LegRef { call, side: *side }, address }))
    }
}

/// A call to end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// The id of the call.
    pub call: CallId,
    /// Why it ends.
    pub cause: EndCause,
}

/// Why a call is ended, other than by a request on a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The caller's handle was detached or lost.
    CallerGone,
    /// The callee's handle was detached or lost.
    CalleeGone,
    /// Another reason, which both sides receive.
    Reason(String),
}

impl EndCause {
    /// The cause for a side whose handle was detached or lost.
    pub fn gone(side: Side) -> Self {
        match side {
            Side::Caller => Self::CallerGone,
            Side::Callee => Self::CalleeGone,
        }
    }
}

impl From<EndCause> for HangupCause {
    fn from(cause: EndCause) -> Self {
        match cause {
            EndCause::CallerGone => Self::ClientGone(Side::Caller),
            EndCause::CalleeGone => Self::ClientGone(Side::Callee),
            EndCause::Reason(reason) => Self::Operator(reason),
        }
    }
}
