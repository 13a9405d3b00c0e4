//! The end of a call that does not come over one of its legs: a handle is gone, or the backend is.
//!
//! Its connector ends it, through the backend's mailbox. Where there is none any more, the rest is
//! done here: first the handles are free, then whoever is left hears of it.

use super::Failure;
use crate::answer::{core_hangup, tell};
use bus::SendError;
use bus::message::{Body, CallEvent, CallRecord, Change, ClientEvent, End, EndCause, Events, Message};
use bus::topic::Mailbox;
use directory::record::Call;
use protocol::{CallId, HandleRef, Side, videocall};
use service::Context;

/// Why a call ends here.
#[derive(Clone, Copy)]
enum Cause {
    /// The handle of this side is gone, which is then not told.
    Gone(Side),
    /// Nobody serves its backend.
    Unserved,
}

/// Ends the call of a handle that is gone.
pub async fn of_handle(context: &Context, id: CallId, gone: HandleRef) -> Result<(), Failure> {
    let Some(call) = context.directory.call(id).await? else { return Ok(()) };
    let Some(side) = call.side_of(gone) else { return Ok(()) };
    let message = Message::new(Body::End(End { call: id, cause: EndCause::gone(side) }));
    match context.bus.post(&Mailbox::Backend(call.backend.clone()), &message).await {
        Err(SendError::NoMailbox) => here(context, id, Cause::Gone(side)).await,
        sent => Ok(sent?),
    }
}

/// Ends a call whose backend nobody serves, and will not before its media is gone.
pub async fn unserved(context: &Context, id: CallId) -> Result<(), Failure> {
    here(context, id, Cause::Unserved).await
}

async fn here(context: &Context, id: CallId, cause: Cause) -> Result<(), Failure> {
    let Some(call) = context.directory.free_call(id).await? else { return Ok(()) };
    for side in [Side::Caller, Side::Callee].into_iter().filter(|side| cause.is_told_to(*side)) {
        tell_side(context, &call, side, cause).await?;
    }
    context.bus.log_call(&record(&call, cause)).await?;
    Ok(())
}

/// The call's record says where the client was when it began; by now another edge may have it.
async fn tell_side(context: &Context, call: &Call, side: Side, cause: Cause) -> Result<(), Failure> {
    let owner = &call.party(side).owner;
    let handle = context.directory.handle(owner.handle).await?;
    let edge = handle.map_or_else(|| owner.edge.clone(), |handle| handle.edge);
    let HandleRef { session, handle } = owner.handle;
    let events = Events {
        session,
        handle,
        call: Some(call.id),
        stamp: None,
        answers: None,
        change: Some(Change::Left),
        events: cause.events(&call.party(side.peer()).username),
    };
    Ok(tell(&context.bus, &edge, events).await?)
}

fn record(call: &Call, cause: Cause) -> CallRecord {
    CallRecord {
        call: call.id,
        event: CallEvent::Ended,
        caller: call.caller.username.clone(),
        callee: call.callee.username.clone(),
        backend: call.backend.clone(),
        reason: Some(cause.reason().to_owned()),
        duration_ms: None,
    }
}

impl Cause {
    fn is_told_to(self, side: Side) -> bool {
        !matches!(self, Self::Gone(gone) if gone == side)
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Gone(Side::Caller) => "caller is gone",
            Self::Gone(Side::Callee) => "callee is gone",
            Self::Unserved => "The media server is gone",
        }
    }

    /// What a client hears, as its connector would have said it.
    fn events(self, peer: &str) -> Vec<ClientEvent> {
        let (plugin, core) = match self {
            Self::Gone(_) => ("Remote WebRTC hangup", "Close PC"),
            Self::Unserved => (self.reason(), self.reason()),
        };
        let data = videocall::event("hangup", Some(peer), Some(plugin));
        vec![ClientEvent::Plugin { transaction: None, data, jsep: None }, core_hangup(core)]
    }
}
