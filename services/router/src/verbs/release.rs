//! A handle is gone: its call ends, its name is free, its record goes.
//!
//! In this order, so that a release that stops half-way can be done again; a call that takes the
//! handle meanwhile is found when the record is removed.

use super::{HandlerError, end};
use crate::answer::send_events;
use bus::message::{Abandon, Change, Events, Release};
use common::MessageId;
use protocol::HandleRef;
use service::Context;

/// Gives back what a handle had, and tells its edge if that waits for it.
pub async fn release_and_reply(context: &Context, id: MessageId, gone: &Release) -> Result<(), HandlerError> {
    let Release { who, notify: waiting } = gone;
    release(context, *who).await?;
    if let Some(edge) = waiting {
        let change = Some(Change::Released);
        let events = Events { in_reply_to: Some(id), change, ..Events::for_handle(*who, Vec::new()) };
        send_events(&context.bus, edge, events).await?;
    }
    Ok(())
}

/// Gives back what a handle had.
pub async fn release(context: &Context, who: HandleRef) -> Result<(), HandlerError> {
    let Some(handle) = context.directory.handle(who).await? else { return Ok(()) };
    if let Some(username) = &handle.username {
        context.directory.release_name(username, who).await?;
    }
    if let Some(call) = handle.call {
        end::end_for_handle(context, call, who).await?;
    }
    let removed = context.directory.remove_handle(who).await?;
    match removed.and_then(|handle| handle.call).filter(|call| Some(*call) != handle.call) {
        Some(call) => end::end_for_handle(context, call, who).await,
        None => Ok(()),
    }
}

/// Ends a call that its caller has given up on, wherever it got stuck.
pub async fn abandon(context: &Context, abandoned: Abandon) -> Result<(), HandlerError> {
    end::end_for_handle(context, abandoned.call, abandoned.who).await
}
