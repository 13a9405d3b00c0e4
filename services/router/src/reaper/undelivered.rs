//! Forwards what is left in the mailbox of a dead edge for sessions that another edge had claimed before it
//! died: connectors sent it while they still knew the old address. The edge that claims a session from a dead
//! edge reads that edge's mailbox itself.
//!
//! Only events with a sequence are forwarded, because an edge recognises those that it has applied already.
//! An event by which a client joins a call is dropped when its handle is not in that call any more.

use crate::handlers::HandlerError;
use crate::replies::send_events;
use bus::SendError;
use bus::message::{Body, Change, ClientMoved, Events, Message};
use bus::topic::Mailbox;
use common::ServiceId;
use protocol::HandleRef;
use service::Context;

/// Forwards the undelivered messages; to be called before the mailbox is closed.
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

/// Tells the connector of a call that a client joins where that client is.
async fn announce_address(context: &Context, events: &Events, edge: &ServiceId) -> Result<(), HandlerError> {
    let Some((backend, client_moved)) = ClientMoved::for_joined(events, edge) else { return Ok(()) };
    let message = Message::new(Body::ClientMoved(client_moved));
    match context.bus.post(&Mailbox::Backend(backend), &message).await {
        Err(SendError::NoMailbox) => Ok(()),
        sent => Ok(sent?),
    }
}
