//! The `place` message, with which a router hands a call of any kind to its backend's connector.

use bus::SendError;
use bus::message::{Address, Body, Deadline, HopTimestamps, Message, Party, Place, ProxySide};
use bus::topic::Mailbox;
use common::entropy::unix_micros;
use directory::record::{Call, CallParty, Owner};
use protocol::Raw;
use service::Context;

/// What a connector needs for a call beside its record.
pub struct PlaceDetails<'a> {
    pub deadline: Option<Deadline>,
    /// The transaction of the caller's request; empty for a caller at a janus-cloud proxy.
    pub transaction: &'a str,
    /// The caller's offer; `None` for a caller at a janus-cloud proxy.
    pub offer: Option<&'a Raw>,
    /// The side that is at a janus-cloud proxy, if any.
    pub proxy: Option<ProxySide>,
    /// When the call was requested, and when a router dequeued the request, in unix microseconds. `None`
    /// where the first is unknown.
    pub times: Option<(u64, u64)>,
}

/// Posts a call to its backend.
pub async fn post_to_backend(
    context: &Context,
    call: &Call,
    details: &PlaceDetails<'_>,
) -> Result<(), SendError> {
    let timestamps = details.times.map(|(requested_at, dequeued_at)| HopTimestamps {
        requested_at,
        dequeued_at,
        posted_at: unix_micros(),
    });
    let place = Place {
        call: call.id,
        caller: party(&call.caller),
        callee: party(&call.callee),
        transaction: details.transaction.to_owned(),
        offer: details.offer.cloned(),
        proxy_side: details.proxy.clone(),
        timestamps,
    };
    let message = Message { id: call.id.into(), deadline: details.deadline, body: Body::Place(place) };
    context.bus.post(&Mailbox::Backend(call.backend.clone()), &message).await
}

fn party(party: &CallParty) -> Party {
    let address = |Owner { edge, handle }| Address { edge, session: handle.session, handle: handle.handle };
    Party { username: party.username.clone(), address: party.owner.clone().map(address) }
}
