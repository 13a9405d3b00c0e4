//! `restore`: an edge reports that a handle had a name before the directory lost its data.
//!
//! The handle gets the name back, unless another handle or a janus-cloud proxy has registered it since: the
//! latest registration wins, and the handle is notified that it lost the name. A handle that is gone by now
//! is notified that it has the name, so that its edge releases it.

use super::HandlerError;
use super::names::{Callee, look_up};
use crate::replies::{send_displaced, send_events};
use bus::message::{Change, Events, Restore};
use common::MessageId;
use directory::record::{ClaimOutcome, GrantOutcome, Owner};
use service::Context;

pub async fn restore(context: &Context, id: MessageId, request: &Restore) -> Result<(), HandlerError> {
    let Restore { who, username } = request;
    let owner = Owner { edge: who.edge.clone(), handle: who.handle_ref() };
    match context.directory.claim_name(&owner, username, id).await? {
        ClaimOutcome::Claimed => {}
        // The directory had not lost this name.
        ClaimOutcome::AlreadyNamed(name) if name == *username => {}
        ClaimOutcome::AlreadyNamed(_) => return Ok(()),
        // The router that found this out may have died before it notified the handle.
        ClaimOutcome::Lost => return Ok(send_displaced(&context.bus, username, &owner).await?),
    }
    if let Some(Callee::Foreign(_)) = look_up(context, username).await? {
        return report_lost(context, &owner, username).await;
    }
    match context.directory.grant_name(username, &owner, None).await? {
        GrantOutcome::Granted => send_registered(context, &owner, username).await,
        GrantOutcome::OwnedBy(_) => report_lost(context, &owner, username).await,
    }
}

async fn report_lost(context: &Context, owner: &Owner, username: &str) -> Result<(), HandlerError> {
    context.directory.revoke_name(owner.handle, username).await?;
    Ok(send_displaced(&context.bus, username, owner).await?)
}

async fn send_registered(context: &Context, owner: &Owner, username: &str) -> Result<(), HandlerError> {
    let change = Some(Change::Registered(username.to_owned()));
    let events = Events { change, ..Events::for_handle(owner.handle, Vec::new()) };
    Ok(send_events(&context.bus, &owner.edge, events).await?)
}
