//! A handle is gone: its call ends, its name is free, its record goes.
//!
//! In this order, so that a release that stops half-way can be done again; a call that takes the
//! handle meanwhile is found when the record is removed.

use super::{Failure, end};
use crate::answer::tell;
use bus::message::{Abandon, Change, Events, Release};
use protocol::{HandleRef, MessageId};
use service::Context;

/// Gives back what a handle had, and tells its edge if that waits for it.
pub async fn on_request(context: &Context, id: MessageId, gone: &Release) -> Result<(), Failure> {
    let Release { who, tell: waiting } = gone;
    release(context, *who).await?;
    if let Some(edge) = waiting {
        let change = Some(Change::Released);
        let events = Events { answers: Some(id), change, ..Events::of(*who, Vec::new()) };
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
        end::of_handle(context, call, who).await?;
    }
    let removed = context.directory.remove_handle(who).await?;
    match removed.and_then(|handle| handle.call).filter(|call| Some(*call) != handle.call) {
        Some(call) => end::of_handle(context, call, who).await,
        None => Ok(()),
    }
}

/// Ends a call that its caller has given up on, wherever it got stuck.
pub async fn abandon(context: &Context, abandoned: Abandon) -> Result<(), Failure> {
    end::of_handle(context, abandoned.call, abandoned.who).await
}
