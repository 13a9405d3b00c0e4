//! What lies in the mailbox of a dead edge for sessions that another edge took before it died: a call
//! that was on its way to its connector for a while still says where they were. Whoever takes a session
//! from a dead edge reads that mailbox; nobody does for these.
//!
//! Only what has a stamp is handed on: what was heard before is known by it, and not heard again. What
//! lets a client join a call that it is not in any more is not.

use crate::answer::send_events;
use crate::verbs::HandlerError;
use bus::message::{Address, Body, Change, ClientMoved, Events, LegRef, Message};
use bus::topic::Mailbox;
use common::ServiceId;
use protocol::HandleRef;
use service::Context;

/// Hands it on, before the mailbox is closed.
pub async fn forward_undelivered(context: &Context, edge: &ServiceId) -> Result<(), HandlerError> {
    for (_, message) in context.bus.read_undelivered(&Mailbox::Edge(edge.clone()), None).await? {
        let Body::Events(events) = message.body else { continue };
        if events.sequence.is_none() || joins_ended_call(context, &events).await? {
            continue;
        }
        let session = context.directory.session(events.session).await?;
        if let Some(session) = session.filter(|session| session.edge != *edge) {
            announce_address(context, &events, &session.edge).await?;
            send_events(&context.bus, &session.edge, events).await?;
        }
    }
    Ok(())
}

async fn joins_ended_call(context: &Context, events: &Events) -> Result<bool, HandlerError> {
    if !matches!(events.change, Some(Change::Joined { .. })) {
        return Ok(false);
    }
    let who = HandleRef { session: events.session, handle: events.handle };
    let handle = context.directory.handle(who).await?;
    Ok(handle.and_then(|handle| handle.call) != events.call)
}

/// The call's connector is to know where this side is, from its beginning.
async fn announce_address(context: &Context, events: &Events, edge: &ServiceId) -> Result<(), HandlerError> {
    let (Some(Change::Joined { backend, side }), Some(call)) = (&events.change, events.call) else {
        return Ok(());
    };
    let address = Address { edge: edge.clone(), session: events.session, handle: events.handle };
    let attend = Body::ClientMoved(ClientMoved { leg: LegRef { call, side: *side }, address });
    match context.bus.post(&Mailbox::Backend(backend.clone()), &Message::new(attend)).await {
        Err(bus::SendError::NoMailbox) => Ok(()),
        sent => Ok(sent?),
    }
}
