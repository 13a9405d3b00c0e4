//! The end of a call that does not come over one of its legs: a handle is gone, or the backend is.
//!
//! Its connector ends it, through the backend's mailbox. Where there is none any more, the rest is
//! done here: first the handles are free, then whoever is left hears of it, then the call is forgotten. A
//! router that dies on the way leaves a call that the next one ends again.

use super::HandlerError;
use crate::answer::{core_hangup, send_events};
use crate::numbers;
use bus::SendError;
use bus::message::{
    Body, CallEvent, CallRecord, Change, ClientEvent, End, EndCause, EndKind, Events, Message, StepDurations,
};
use bus::topic::Mailbox;
use common::CallId;
use directory::record::{Call, EndOutcome};
use protocol::{HandleRef, Side, videocall};
use service::Context;

/// A letter that says nothing: a connector that finds it tells both sides that the call is lost.
const NO_NOTICES: &str = "";
/// What a call is ended for whose backend nobody serves.
const UNSERVED_REASON: &str = "The media server is gone";

/// Ends the call of a handle that is gone.
pub async fn end_for_handle(context: &Context, id: CallId, gone: HandleRef) -> Result<(), HandlerError> {
    let Some(call) = context.directory.call(id).await? else { return Ok(()) };
    let Some(side) = call.side_of(gone) else { return Ok(()) };
    end_via_backend(context, &call, EndCause::gone(side)).await
}

/// Ends a call for a reason that both sides hear.
pub async fn end_with_reason(context: &Context, id: CallId, reason: &str) -> Result<(), HandlerError> {
    let Some(call) = context.directory.call(id).await? else { return Ok(()) };
    end_via_backend(context, &call, EndCause::Reason(reason.to_owned())).await
}

async fn end_via_backend(context: &Context, call: &Call, cause: EndCause) -> Result<(), HandlerError> {
    let message = Message::new(Body::End(End { call: call.id, cause: cause.clone() }));
    match context.bus.post(&Mailbox::Backend(call.backend.clone()), &message).await {
        Err(SendError::NoMailbox) => end_without_backend(context, call.id, cause).await,
        sent => Ok(sent?),
    }
}

/// Ends a call whose backend nobody serves, and will not before its media is gone.
pub async fn end_unserved(context: &Context, id: CallId) -> Result<(), HandlerError> {
    end_without_backend(context, id, EndCause::Reason(UNSERVED_REASON.to_owned())).await
}

async fn end_without_backend(context: &Context, id: CallId, cause: EndCause) -> Result<(), HandlerError> {
    let EndOutcome::Ended(call) = context.directory.conclude_call(id, None, Some(NO_NOTICES)).await? else {
        return Ok(());
    };
    for side in [Side::Caller, Side::Callee].into_iter().filter(|side| cause != EndCause::gone(*side)) {
        send_end(context, &call, side, &cause).await?;
    }
    numbers::call_ended(end_kind(&cause));
    context.bus.log_calls(&[call_record(&call, &cause)]).await?;
    Ok(context.directory.delete_call(&call).await?)
}

/// The call's record says where the client was when it began; by now another edge may have it.
async fn send_end(context: &Context, call: &Call, side: Side, cause: &EndCause) -> Result<(), HandlerError> {
    let Some(owner) = &call.party(side).owner else { return Ok(()) };
    let handle = context.directory.handle(owner.handle).await?;
    let edge = handle.map_or_else(|| owner.edge.clone(), |handle| handle.edge);
    let words = hangup_events(cause, &call.party(side.peer()).username);
    let events =
        Events { call: Some(call.id), change: Some(Change::Left), ..Events::for_handle(owner.handle, words) };
    Ok(send_events(&context.bus, &edge, events).await?)
}

fn call_record(call: &Call, cause: &EndCause) -> CallRecord {
    CallRecord {
        call: call.id,
        event: CallEvent::Ended,
        caller: call.caller.username.clone(),
        callee: call.callee.username.clone(),
        backend: call.backend.clone(),
        reason: Some(reason(cause).to_owned()),
        duration_ms: None,
        steps: StepDurations::default(),
    }
}

fn end_kind(cause: &EndCause) -> EndKind {
    match cause {
        EndCause::CallerGone | EndCause::CalleeGone => EndKind::ClientGone,
        EndCause::Reason(reason) if reason == UNSERVED_REASON => EndKind::MediaServer,
        EndCause::Reason(_) => EndKind::Operator,
    }
}

fn reason(cause: &EndCause) -> &str {
    match cause {
        EndCause::CallerGone => "caller is gone",
        EndCause::CalleeGone => "callee is gone",
        EndCause::Reason(reason) => reason,
    }
}

/// What a client hears, as its connector would have said it.
fn hangup_events(cause: &EndCause, peer: &str) -> Vec<ClientEvent> {
    let (plugin, core) = match cause {
        EndCause::CallerGone | EndCause::CalleeGone => ("Remote WebRTC hangup", "Close PC"),
        EndCause::Reason(reason) => (reason.as_str(), reason.as_str()),
    };
    let data = videocall::event("hangup", Some(peer), Some(plugin));
    vec![ClientEvent::Plugin { transaction: None, data, jsep: None }, core_hangup(core)]
}
