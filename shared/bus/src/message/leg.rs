//! To a backend's connector: calls to set up, and what happens on their legs.

use super::events::{Change, Events};
use super::{Address, HopTimestamps};
use common::{BackendName, CallId, ServiceId};
use protocol::{Raw, Side};
use serde::{Deserialize, Serialize};

/// A call to set up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The call.
    pub call: CallId,
    /// Who calls.
    pub caller: Party,
    /// Who is called.
    pub callee: Party,
    /// The transaction of the caller's request; empty where that is a peer's.
    pub transaction: String,
    /// The caller's offer; none where it comes through Janus, from a peer's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Raw>,
    /// What is to be done about the side that is a peer's; none of a call between two of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_side: Option<ProxySide>,
    /// When it came by where; none where nobody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<HopTimestamps>,
}

/// What is to be done about a side whose user is a peer's: its proxy has a handle of its own for it on
/// the same Janus, registered there under the user's own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxySide {
    /// It calls: this rest service waits to hear that our callee is registered on Janus. Its offer
    /// comes after that, as an `incomingcall`.
    Caller(ServiceId),
    /// It is called: its proxy is asked to register it, at this `api_base_url`, before the offer goes out.
    Callee(String),
}

/// One side of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Party {
    /// The name that the other side sees.
    pub username: String,
    /// Where its events go; none for a peer's user, whom Janus tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
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

/// The client of a leg is at another edge now, or its edge is not sure that the call still is. A
/// connector that knows the call tells the client there from now on; of one that is over it says so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientMoved {
    /// The leg.
    pub leg: LegRef,
    /// Where its events go.
    pub address: Address,
}

impl ClientMoved {
    /// For events by which a client joins a call, after that client has moved to `edge`: what the connector of the
    /// call must know, with the backend it serves. None for other events.
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
    /// The call.
    pub call: CallId,
    /// Who or what ended it.
    pub cause: EndCause,
}

/// Why a call is ended from outside its legs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The caller's handle is gone.
    CallerGone,
    /// The callee's handle is gone.
    CalleeGone,
    /// It is no side's doing: both hear this reason.
    Reason(String),
}

impl EndCause {
    /// The handle of this side is gone.
    pub fn gone(side: Side) -> Self {
        match side {
            Side::Caller => Self::CallerGone,
            Side::Callee => Self::CalleeGone,
        }
    }
}
