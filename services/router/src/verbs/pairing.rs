//! What calls of every kind have in common: a backend gets them.

use bus::SendError;
use bus::message::{Address, Body, Deadline, HopTimestamps, Message, Party, Place, ProxySide};
use bus::topic::Mailbox;
use common::entropy::unix_micros;
use directory::record::{Call, CallParty, Owner};
use protocol::Raw;
use service::Context;

/// What a backend is to know of a call besides who is in it.
pub struct PlaceDetails<'a> {
    /// The time until which it is wanted.
    pub deadline: Option<Deadline>,
    /// The transaction of the caller's request; empty where that is a peer's.
    pub transaction: &'a str,
    /// The caller's offer; none where the caller is a peer's.
    pub offer: Option<&'a Raw>,
    /// What is to be done about a side that is a peer's.
    pub proxy: Option<ProxySide>,
    /// When it was asked for, and when a router took it; none where the first is not known.
    pub times: Option<(u64, u64)>,
}

/// Hands a call to its backend.
pub async fn post_to_backend(context: &Context, call: &Call, of: &PlaceDetails<'_>) -> Result<(), SendError> {
    let place = Place {
        call: call.id,
        caller: party(&call.caller),
        callee: party(&call.callee),
        transaction: of.transaction.to_owned(),
        offer: of.offer.cloned(),
        proxy_side: of.proxy.clone(),
        timestamps: of.times.map(|(asked, taken)| HopTimestamps {
            requested_at: asked,
            dequeued_at: taken,
            posted_at: unix_micros(),
        }),
    };
    let message = Message { id: call.id.into(), deadline: of.deadline, body: Body::Place(place) };
    context.bus.post(&Mailbox::Backend(call.backend.clone()), &message).await
}

fn party(party: &CallParty) -> Party {
    let address = |Owner { edge, handle }| Address { edge, session: handle.session, handle: handle.handle };
    Party { username: party.username.clone(), address: party.owner.clone().map(address) }
}
