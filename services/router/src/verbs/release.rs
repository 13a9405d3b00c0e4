//! A handle is gone: its call ends, its name is free, its record goes.
//!
//! In this order, so that a release that stops half-way can be done again; a call that takes the
//! handle meanwhile is found when the record is removed.

use super::Failure;
use crate::answer::{close_peer_connection, tell};
use bus::message::{Abandon, Body, Change, ClientEvent, End, EndCause, Events, Message, Release};
use bus::topic::Mailbox;
use bus::{Bus, SendError};
use directory::record::{Call, CallParty};
use protocol::videocall;
use protocol::{CallId, HandleRef, MessageId};
use service::Context;

/// Gives back what a handle had, and tells its edge if that waits for it.
pub async fn on_request(context: &Context, id: MessageId, gone: &Release) -> Result<(), Failure> {
    let Release { who, tell: waiting } = gone;
    release(context, *who).await?;
    if let Some(edge) = waiting {
        let HandleRef { session, handle } = *who;
        let change = Some(Change::Released);
        let events = Events {
            session,
            handle,
            call: None,
            stamp: None,
            answers: Some(id),
            change,
            events: Vec::new(),
        };
        tell(&context.bus, edge, events).await?;
    }
    Ok(())
}

/// Gives back what a handle had.
pub async fn release(context: &Context, who: HandleRef) -> Result<(), Failure> {
    let Some(handle) = context.directory.handle(who).await? else { return Ok(()) };
    if let Some(username) = &handle.username {
        context.directory.free_name(username, who).await?;
    }
    if let Some(call) = handle.call {
        end(context, call, who).await?;
    }
    let removed = context.directory.remove_handle(who).await?;
    match removed.and_then(|handle| handle.call).filter(|call| Some(*call) != handle.call) {
        Some(call) => end(context, call, who).await,
        None => Ok(()),
    }
}

/// Ends a call that its caller has given up on, wherever it got stuck.
pub async fn abandon(context: &Context, abandoned: Abandon) -> Result<(), Failure> {
    end(context, abandoned.call, abandoned.who).await
}

/// Has the connector end the call; where there is none any more, does what is left of it.
async fn end(context: &Context, id: CallId, gone: HandleRef) -> Result<(), Failure> {
    let Some(call) = context.directory.call(id).await? else { return Ok(()) };
    let Some(side) = call.side_of(gone) else { return Ok(()) };
    let message = Message::new(Body::End(End { call: id, cause: EndCause::gone(side) }));
    match context.bus.post(&Mailbox::Backend(call.backend.clone()), &message).await {
        Err(SendError::NoMailbox) => {
            context.directory.free_call(id).await?;
            tell_peer(&context.bus, &call, call.party(side.peer()), call.party(side)).await?;
        }
        sent => sent?,
    }
    Ok(())
}

async fn tell_peer(bus: &Bus, call: &Call, peer: &CallParty, gone: &CallParty) -> Result<(), SendError> {
    let data = videocall::event("hangup", Some(&gone.username), Some("Remote WebRTC hangup"));
    let HandleRef { session, handle } = peer.owner.handle;
    let events = vec![ClientEvent::Plugin { transaction: None, data, jsep: None }, close_peer_connection()];
    let events = Events {
        session,
        handle,
        call: Some(call.id),
        stamp: None,
        answers: None,
        change: Some(Change::Left),
        events,
    };
    tell(bus, &peer.owner.edge, events).await
}
