//! `release` and `abandon`: a client has given up a handle, or a call.
//!
//! A release frees the name, ends the call and removes the handle's record, in this order, so that one that
//! stopped half-way can be repeated. A call that took the handle meanwhile is found when the record is
//! removed.

use super::HandlerError;
use super::end::end_for_handle;
use crate::replies::send_events;
use bus::message::{Abandon, Change, Events, Release};
use common::MessageId;
use protocol::HandleRef;
use service::Context;

/// Releases a handle, and tells its edge if that waits for it.
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

/// Ends a call that its caller does not wait for any more.
pub async fn abandon(context: &Context, abandoned: Abandon) -> Result<(), HandlerError> {
    end_for_handle(context, abandoned.call, abandoned.who).await
}
