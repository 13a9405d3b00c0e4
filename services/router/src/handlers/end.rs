//! Ends a call for a reason other than a request on one of its legs. A handle or the backend is gone, an
//! operator ends the call, or a router cannot set it up.
//!
//! The router posts a message to the backend's mailbox, and the call's connector ends the call. Without a
//! connector the router does it: it releases the handles, notifies the remaining sides and deletes the call, in
//! this order. When a router dies in between, the next one ends the call again.
//!
//! `release` and `abandon`: a client has given up a handle, or a call. A release frees the name, ends the call
//! and removes the handle's record, in this order, so that an interrupted release can be repeated. A call that
//! acquired the handle meanwhile is found when the record is removed.

use super::HandlerError;
use crate::metrics;
use crate::replies::send_events;
use bus::SendError;
use bus::message::{
    Abandon, Body, CallEvent, CallRecord, Change, ClientEvent, End, EndCause, Events, Message, Release,
    StepDurations,
};
use bus::topic::Mailbox;
use common::{CallId, MessageId};
use directory::record::{Call, EndOutcome};
use protocol::hangup::{HangupCause, events_for_side};
use protocol::{HandleRef, Side};
use service::Context;

/// Final notices without text: a connector that finds them notifies both sides that the call is lost.
const NO_NOTICES: &str = "";
/// The reason that both sides receive when no connector serves the backend.
const UNSERVED_REASON: &str = "The media server is gone";

/// Releases a handle, and notifies its edge if the edge requested that.
pub async fn release_and_reply(
    context: &Context,
    id: MessageId,
    request: &Release,
) -> Result<(), HandlerError> {
    release(context, request.who).await?;
    if let Some(edge) = &request.notify {
        let change = Some(Change::Released);
        let events = Events { in_reply_to: Some(id), change, ..Events::for_handle(request.who, Vec::new()) };
        send_events(&context.bus, edge, events).await?;
    }
    Ok(())
}

/// Releases a handle: its name, its call, its record.
pub async fn release(context: &Context, who: HandleRef) -> Result<(), HandlerError> {
    let Some(handle) = context.directory.handle(who).await? else { return Ok(()) };
    if let Some(username) = &handle.username {
        context.directory.release_name(username, who).await?;
    }
    if let Some(call) = handle.call {
        end_for_handle(context, call, who).await?;
    }
    let last_call = context.directory.remove_handle(who).await?.and_then(|removed| removed.call);
    match last_call {
        Some(call) if last_call != handle.call => end_for_handle(context, call, who).await,
        _ => Ok(()),
    }
}

/// Ends a call that its caller does not wait for any more, or the second attempt at it.
pub async fn abandon(context: &Context, abandoned: Abandon) -> Result<(), HandlerError> {
    end_for_handle(context, abandoned.call, abandoned.who).await?;
    end_for_handle(context, abandoned.call.second_attempt(), abandoned.who).await
}

/// Ends the call of a handle that is gone.
pub async fn end_for_handle(context: &Context, id: CallId, gone: HandleRef) -> Result<(), HandlerError> {
    let Some(call) = context.directory.call(id).await? else { return Ok(()) };
    let Some(side) = call.side_of(gone) else { return Ok(()) };
    end_via_backend(context, &call, EndCause::gone(side)).await
}

/// Ends a call for a reason that both sides receive.
pub async fn end_with_reason(context: &Context, id: CallId, reason: &str) -> Result<(), HandlerError> {
    let Some(call) = context.directory.call(id).await? else { return Ok(()) };
    end_via_backend(context, &call, EndCause::Reason(reason.to_owned())).await
}

/// Ends a call whose backend no connector has served for so long that its media is gone.
pub async fn end_unserved(context: &Context, id: CallId) -> Result<(), HandlerError> {
    end_without_backend(context, id, &HangupCause::MediaServer(UNSERVED_REASON.to_owned())).await
}

async fn end_via_backend(context: &Context, call: &Call, cause: EndCause) -> Result<(), HandlerError> {
    let message = Message::new(Body::End(End { call: call.id, cause: cause.clone() }));
    match context.bus.post(&Mailbox::Backend(call.backend.clone()), &message).await {
        Err(SendError::NoMailbox) => end_without_backend(context, call.id, &cause.into()).await,
        sent => Ok(sent?),
    }
}

async fn end_without_backend(context: &Context, id: CallId, cause: &HangupCause) -> Result<(), HandlerError> {
    let EndOutcome::Ended(call) = context.directory.end_call(id, None, Some(NO_NOTICES)).await? else {
        return Ok(());
    };
    for side in [Side::Caller, Side::Callee] {
        if *cause != HangupCause::ClientGone(side) {
            send_end(context, &call, side, cause).await?;
        }
    }
    metrics::call_ended(cause.into());
    context.bus.log_calls(&[call_record(&call, cause)]).await?;
    Ok(context.directory.delete_call(&call).await?)
}

/// Sends the events of the end to one side. Its handle may have moved to another edge since the call's record
/// was written.
async fn send_end(
    context: &Context,
    call: &Call,
    side: Side,
    cause: &HangupCause,
) -> Result<(), HandlerError> {
    let Some(owner) = &call.party(side).owner else { return Ok(()) };
    let handle = context.directory.handle(owner.handle).await?;
    let edge = handle.map_or_else(|| owner.edge.clone(), |handle| handle.edge);
    let (own, peer) = (&call.party(side).username, &call.party(side.peer()).username);
    let hangup = events_for_side(cause, side, own, peer).into_iter().map(ClientEvent::from);
    let events = Events {
        call: Some(call.id),
        change: Some(Change::Left),
        ..Events::for_handle(owner.handle, hangup.collect())
    };
    Ok(send_events(&context.bus, &edge, events).await?)
}

fn call_record(call: &Call, cause: &HangupCause) -> CallRecord {
    CallRecord {
        call: call.id,
        event: CallEvent::Ended,
        caller: call.caller.username.clone(),
        callee: call.callee.username.clone(),
        backend: call.backend.clone(),
        kind: Some(cause.into()),
        reason: Some(cause.reason()),
        duration_ms: None,
        steps: StepDurations::default(),
    }
}
